"""Words: from sentences to latents that they are true of."""

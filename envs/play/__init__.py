"""How bodies are moved while they are recorded: random play, scripted play, goals in hindsight."""

"""How bodies are moved while they are recorded: random play, scripted play, the oracle, goals in hindsight."""

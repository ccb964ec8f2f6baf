"""What a checkpoint knows, how far it imagines, and what is wrong with it."""

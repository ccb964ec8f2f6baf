"""Does a model understand physics? What surprises it, what can be read from it, and what it imagines."""

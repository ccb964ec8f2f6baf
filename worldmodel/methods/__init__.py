"""One file a method, and their registry."""

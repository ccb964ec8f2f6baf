"""Data sets of other projects: one file a format, each with what reads it and, for two of them, what writes it."""

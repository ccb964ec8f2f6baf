"""Settings: declared, read from the command line, composed and checked."""

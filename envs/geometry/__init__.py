"""Shortest ways, shapes and places that worlds are built of."""

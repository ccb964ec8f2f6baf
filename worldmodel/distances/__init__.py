"""Temporal distances: the networks that are kept, and how they learn."""

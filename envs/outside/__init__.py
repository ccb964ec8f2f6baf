"""Worlds that others have written: dm_control, Gymnasium, MJCF files."""

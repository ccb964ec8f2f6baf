"""Deciding: latents in, plan out. Knows a world model only by the protocols in `planners.interface`."""

"""Recorded episodes: collecting, reading, checking, rearranging them."""

"""Encoders, predictors, decoders and what they are made of."""

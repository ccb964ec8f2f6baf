"""World models that predict latent states: encoders, predictors, objectives, critic and their training."""

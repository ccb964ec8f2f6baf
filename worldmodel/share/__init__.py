"""Checkpoints for others: model cards, the Hugging Face Hub, exported programs."""

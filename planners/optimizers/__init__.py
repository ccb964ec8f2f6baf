"""What minimises a score of actions, and knows nothing else."""

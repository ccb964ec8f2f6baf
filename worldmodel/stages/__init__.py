"""What is trained before and after the world model: keypoints, and the predictor once more."""

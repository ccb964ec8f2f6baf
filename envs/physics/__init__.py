"""Small scenes of bodies that move as physics says, and clips in which they do not."""

"""Networks that act without planning, learnt from the same recordings: what a planner has to beat."""

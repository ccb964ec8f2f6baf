"""Which target next: landmarks, routes over them, levels above a planner."""

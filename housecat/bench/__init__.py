"""The planner bench: worlds x models x planners x optimisers x seeds on frozen pairs, at equal model calls."""

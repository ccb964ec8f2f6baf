"""Players beside the planners: floors that do not plan, and ceilings that are told the truth."""

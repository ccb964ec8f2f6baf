"""Start-goal pairs, episodes played on them, and what the outcomes say."""

"""Pure functions: prediction errors, terms against collapse, masks."""

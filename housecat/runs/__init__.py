"""Run folders and what is done in them, stage by stage; the only place where settings become objects."""

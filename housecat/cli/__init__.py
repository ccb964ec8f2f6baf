"""Commands; the only place that turns errors into exit codes."""

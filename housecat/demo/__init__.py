"""A person meets the agent: it acts live, shows what it imagines, is pushed, redirected and steered by hand."""

"""Questions over several tables of this context."""

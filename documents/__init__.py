"""Documents, made or read in a confined process. Imports nothing of ours."""

"""Words of the creators' product: the prompt for a member's answer, by version."""

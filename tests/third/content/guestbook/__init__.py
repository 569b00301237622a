"""Words of the guest book."""

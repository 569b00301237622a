"""The worker: due timers and outside calls."""

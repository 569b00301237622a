"""The worker of due timers and outside calls."""

"""Commands of the creators' product: what callers, providers, timers and answers ask for, and the rules."""

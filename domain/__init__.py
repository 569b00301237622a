"""What happened and what it means: events, aggregate states and their folding. No I/O, no clock, no randomness."""

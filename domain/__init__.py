"""Events, the states of aggregates, and their folding. No I/O, no clock, no randomness."""

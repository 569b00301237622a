"""Commands and the rules that decide them, one module per aggregate. No I/O, no clock, no randomness."""

"""Core of the engine, shared by all runtimes. No I/O."""

"""The core of the engine: what every runtime shares. No I/O."""

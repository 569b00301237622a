"""The engine: deciding, the log, projecting, tasks, auditing. It knows no context."""

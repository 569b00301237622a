"""The engine: decisions, the log, projections, tasks, audit. It is independent of the contexts."""

"""Telemetry: metrics, logs, garbage collection, live figures."""

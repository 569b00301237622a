"""Metrics, logs, garbage collection and live figures."""

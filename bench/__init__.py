"""Measurements, never tests: machines are shared and noisy, so each figure stands beside a baseline of the same run."""

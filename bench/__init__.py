"""Benchmarks, never tests: machines are noisy, so each figure stands beside a baseline of the same run."""

"""Tests of the creator-hub surface."""

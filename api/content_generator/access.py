"""The scopes, tiers and limits of this surface. Every process imports this module, so it imports nothing of the web."""

from __future__ import annotations

READ, WRITE, ADMIN = "read", "write", "admin"
SCOPES = (READ, WRITE, ADMIN)
INCLUDES = {WRITE: (READ,), ADMIN: (WRITE,)}
"""Scopes that include others, directly."""

LIMITS = {"general": "100/minute"}
"""The limit of the tier Basic, which a key without a tier has."""

TIERS = {
    "basic": LIMITS,
    "standard": {"general": "500/minute"},
    "premium": {"general": "1000/minute"},
}

"""The scopes and limits of this surface. Every process imports this module, so it imports nothing of the web."""

from __future__ import annotations

SCOPES = ("communication:send", "communication:read", "preferences:manage", "analytics:read")
LIMITS = {
    "general": "100/minute",
    "communication_sending": "10/minute",
    "batch_operations": "5/minute",
    "analytics_queries": "50/minute",
}

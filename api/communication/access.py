"""The scopes and limits of this surface. Nothing of the web is imported here: every process reads them."""

from __future__ import annotations

SCOPES = ("communication:send", "communication:read", "preferences:manage", "analytics:read")
LIMITS = {
    "general": "100/minute",
    "communication_sending": "10/minute",
    "batch_operations": "5/minute",
    "analytics_queries": "50/minute",
}

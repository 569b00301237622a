"""The scopes and limits of this surface. Every process imports this module, so it imports nothing of the web."""

from __future__ import annotations

CREATOR, READ = "creator", "creator:read"
SCOPES = (CREATOR, READ)
INCLUDES = {CREATOR: (READ,)}
"""Scopes that include others, directly."""

GENERAL, AI_INTERACTIONS, FILE_UPLOADS, ANALYTICS_EXPORTS = (
    "general",
    "ai_interactions",
    "file_uploads",
    "analytics_exports",
)
LIMITS = {
    GENERAL: "1000/hour",
    AI_INTERACTIONS: "100/hour",
    FILE_UPLOADS: "50/hour",
    ANALYTICS_EXPORTS: "10/day",
}
"""The limits of a creator whose token raises none. No request counts as an AI interaction: replies to members do."""

UNITS = {AI_INTERACTIONS: "hour"}
"""Classes with one unit: replies are counted by the clock hour."""

VISITOR_LIMITS = {"requests": "600/minute", "messages": "30/minute"}
"""The limits of a widget's visitors: requests by their address, which an office may share, messages by visitor."""

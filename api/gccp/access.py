"""The scopes and limits of this surface. Every process imports this module, so it imports nothing of the web."""

from __future__ import annotations

AUTHENTICATED = "authenticated"
"""Supabase's role and audience of a signed-in user. The project's `anon` and `service_role` keys have other ones."""

SCOPES = (AUTHENTICATED,)
LIMITS = {
    "general": "300/minute",
    "generate": "10/minute",
    "export_pdf": "30/minute",
    "retry": "10/minute",
    "stream": "60/minute",
}
"""The document's limits, and `general` for endpoints that the document lacks. Windows slide."""

BURSTS = {"general": 20, "generate": 5, "export_pdf": 10, "retry": 5, "stream": 20}
"""The largest number of concurrent requests of one caller (GC-4)."""

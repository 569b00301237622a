"""The scopes and limits of this surface. Nothing of the web is imported here: every process reads them."""

from __future__ import annotations

AUTHENTICATED = "authenticated"
"""Supabase's role of a signed-in user, and its audience. The project's `anon` and `service_role` keys have others."""

SCOPES = (AUTHENTICATED,)
LIMITS = {
    "general": "300/minute",
    "generate": "10/minute",
    "export_pdf": "30/minute",
    "retry": "10/minute",
    "stream": "60/minute",
}
"""The document's, but `general`, which is for what the document lacks. Windows slide."""

BURSTS = {"general": 20, "generate": 5, "export_pdf": 10, "retry": 5, "stream": 20}
"""The most requests of one caller that are served at once (GC-4)."""

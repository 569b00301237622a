"""The scopes and limits of this surface. Nothing of the web is imported here: every process reads them."""

from __future__ import annotations

SCOPES = ("guestbook:sign", "guestbook:read")
LIMITS = {"general": "100/minute"}

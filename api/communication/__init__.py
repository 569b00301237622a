"""The communication surface: the paths, bodies and statuses of its document, over commands and read models."""

from api.communication.app import DESCRIPTION, FIRST_REQUEST, LIMITS, SCOPES, app

__all__ = ["DESCRIPTION", "FIRST_REQUEST", "LIMITS", "SCOPES", "app"]

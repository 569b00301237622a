"""The gccp surface: course content in five steps, PDF export, and a proxy to a language model."""

from api.gccp.app import BURSTS, DESCRIPTION, FIRST_REQUEST, LIMITS, SCOPES, app, desk_of
from api.gccp.connectors import destinations, language_model
from api.gccp.settings import GccpSettings

__all__ = [
    "BURSTS",
    "DESCRIPTION",
    "FIRST_REQUEST",
    "LIMITS",
    "SCOPES",
    "GccpSettings",
    "app",
    "desk_of",
    "destinations",
    "language_model",
]

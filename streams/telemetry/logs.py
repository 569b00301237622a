"""Structured logs: one JSON object per line, with the correlation id of the current request or task."""

from __future__ import annotations

import logging
import sys
import traceback
from contextvars import ContextVar
from datetime import UTC, datetime

import orjson

correlation: ContextVar[str | None] = ContextVar("correlation", default=None)
"""The correlation id of the current request or task."""


class JsonLines(logging.Formatter):
    """Formatter of JSON lines: time (UTC), level, logger, message, correlation id, exception trace as one string."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if (id_ := correlation.get()) is not None:
            line["correlation_id"] = id_
        if record.exc_info:
            line["exception"] = "".join(traceback.format_exception(*record.exc_info))
        return orjson.dumps(line).decode()


def set_up_logging(level: str) -> None:
    """Log to standard error: Headwater from this level, libraries from warnings."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    for ours in ("streams", "api", "bootstrap", "commandline"):
        logging.getLogger(ours).setLevel(level.upper())

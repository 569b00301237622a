"""The streams of every context: names in the log that lead to the events of an aggregate for ever."""

from __future__ import annotations

import pytest

from streams.core.wiring import Context
from tests.commands.contexts import every_context


@pytest.mark.parametrize("context", every_context(), ids=lambda context: context.name)
def test_every_event_lies_in_a_stream_that_a_handler_opens(context: Context) -> None:
    """A decision may append to every stream that it opens."""
    opened = {stream.category for handler in context.handlers for stream in handler.streams}
    assert {event.aggregate for event in context.events} <= opened

"""The removal of a person's messages from the sandbox's outbox, as an effect."""

from __future__ import annotations

from domain.messages import Effect


class ForgetMessages(Effect, name="communication.forget_messages.v1"):
    """Remove the sandbox's files of messages to an erased person (`context:id`). The name is that of its first user."""

    erased: str

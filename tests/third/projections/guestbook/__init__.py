"""What can be read of the guest book."""

from __future__ import annotations

from projections.guestbook.entries import ENTRIES

from projections.tokens import tokens_of
from projections.webhook_endpoints import endpoints_of
from projections.webhooks import webhooks_of
from streams.core.read_models import ReadModel

READ_MODELS: tuple[ReadModel, ...] = (
    ENTRIES,
    webhooks_of("guestbook"),
    *endpoints_of("guestbook"),
    *tokens_of("guestbook"),
)

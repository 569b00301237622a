"""The read models of messages and their recipients."""

from __future__ import annotations

from projections.communication.consents import CONSENTS
from projections.communication.daily import DAILY
from projections.communication.dead_mailboxes import DEAD_MAILBOXES
from projections.communication.deliveries import DELIVERIES
from projections.communication.messages import MESSAGES
from projections.communication.recipients import RECIPIENTS
from projections.communication.thresholds import THRESHOLDS
from projections.tokens import tokens_of
from projections.webhook_endpoints import endpoints_of
from projections.webhooks import webhooks_of
from streams.core.read_models import ReadModel

READ_MODELS: tuple[ReadModel, ...] = (
    MESSAGES,
    DELIVERIES,
    RECIPIENTS,
    CONSENTS,
    DEAD_MAILBOXES,
    DAILY,
    THRESHOLDS,
    webhooks_of("communication"),
    *endpoints_of("communication"),
    *tokens_of("communication"),
)

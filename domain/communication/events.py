"""The register of events of this context."""

from __future__ import annotations

from typing import get_args

from domain.communication.address_report import AddressReportEvent
from domain.communication.batch import BatchRequested
from domain.communication.budget import BudgetEvent
from domain.communication.message import MessageEvent
from domain.communication.number import NumberEvent
from domain.communication.receipt import ReceiptUnmatched
from domain.communication.recipient import RecipientEvent
from domain.communication.stop import StopEvent
from domain.messages import Event

CommunicationEvent = (
    MessageEvent
    | RecipientEvent
    | BudgetEvent
    | StopEvent
    | AddressReportEvent
    | NumberEvent
    | BatchRequested
    | ReceiptUnmatched
)
"""The events of this context's own aggregates. Its log also holds those of webhooks and of the engine."""

EVENTS: tuple[type[Event], ...] = get_args(CommunicationEvent)

"""Every fact of this context, as the log knows them."""

from __future__ import annotations

from typing import get_args

from domain.communication.batch import BatchRequested
from domain.communication.budget import BudgetEvent
from domain.communication.message import MessageEvent
from domain.communication.receipt import ReceiptUnmatched
from domain.communication.recipient import RecipientEvent
from domain.communication.stop import StopEvent
from domain.messages import Event

EVENTS: tuple[type[Event], ...] = (
    *get_args(MessageEvent),
    *get_args(RecipientEvent),
    *get_args(BudgetEvent),
    *get_args(StopEvent),
    BatchRequested,
    ReceiptUnmatched,
)

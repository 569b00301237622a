"""A recipient of campaigns, known by a mark of the address alone: what was reported, and whether mail is wanted."""

from __future__ import annotations

from enum import StrEnum
from typing import assert_never

from pydantic import BaseModel, ConfigDict

from domain.messages import Event


class RecipientStatus(StrEnum):
    """Whether a recipient is written to: only ACTIVE ones are. A complaint unsubscribes.

    An unsubscribed recipient stays so when mail bounces: the person's own word weighs more.
    """

    ACTIVE = "active"
    UNSUBSCRIBED = "unsubscribed"
    BOUNCED = "bounced"


class UnsubscribeSource(StrEnum):
    """How somebody unsubscribed."""

    LINK = "link"
    ONE_CLICK = "one_click"
    CRM = "crm"
    COMPLAINT = "complaint"


class _OfRecipient(Event, subject="mark"):
    mark: str


class _Reported(_OfRecipient):
    """A report on a campaign. `first`: it is the first of its kind for this recipient and campaign.

    `delivers`: it proves a delivery that was not reported before.
    """

    campaign_id: str
    report_id: str
    first: bool
    delivers: bool = False


class RecipientDelivered(_Reported, name="content_generator.recipient.delivered.v1"):
    pass


class RecipientOpened(_Reported, name="content_generator.recipient.opened.v1"):
    """An open. `machine`: the CRM says that no person did it."""

    machine: bool


class RecipientLinkClicked(_Reported, name="content_generator.recipient.link_clicked.v1"):
    url: str


class RecipientBounced(_Reported, name="content_generator.recipient.bounced.v1"):
    """A bounce. `ends_mail`: it is why no more mail is sent; an earlier unsubscribe outweighs it."""

    ends_mail: bool = True


class RecipientComplained(_Reported, name="content_generator.recipient.complained.v1"):
    pass


class RecipientUnsubscribed(_OfRecipient, name="content_generator.recipient.unsubscribed.v1"):
    """The recipient wants no more mail. `campaign_id` is the campaign it came from, if it came from one."""

    source: UnsubscribeSource
    campaign_id: str | None
    first: bool


class RecipientResubscribed(_OfRecipient, name="content_generator.recipient.resubscribed.v1"):
    source: str


RecipientEvent = (
    RecipientDelivered
    | RecipientOpened
    | RecipientLinkClicked
    | RecipientBounced
    | RecipientComplained
    | RecipientUnsubscribed
    | RecipientResubscribed
)


class Received(BaseModel):
    """What a recipient did with one campaign."""

    model_config = ConfigDict(frozen=True)

    delivered: bool = False
    opened: bool = False
    opened_by_machine: bool = False
    clicked: bool = False
    bounced: bool = False
    complained: bool = False
    unsubscribed: bool = False


class Recipient(BaseModel):
    """The state of a recipient. `received` is by campaign."""

    model_config = ConfigDict(frozen=True)

    status: RecipientStatus = RecipientStatus.ACTIVE
    received: dict[str, Received] = {}

    def of(self, campaign_id: str) -> Received:
        return self.received.get(campaign_id, Received())


def evolve(recipient: Recipient, event: RecipientEvent) -> Recipient:
    match event:
        case RecipientDelivered():
            return _noted(recipient, event.campaign_id, delivered=True)
        case RecipientOpened(machine=True):
            return _noted(recipient, event.campaign_id, delivered=True, opened_by_machine=True)
        case RecipientOpened():
            return _noted(recipient, event.campaign_id, delivered=True, opened=True)
        case RecipientLinkClicked():
            return _noted(recipient, event.campaign_id, delivered=True, clicked=True)
        case RecipientBounced():
            noted = _noted(recipient, event.campaign_id, bounced=True)
            return noted.model_copy(update={"status": RecipientStatus.BOUNCED}) if event.ends_mail else noted
        case RecipientComplained():
            return _noted(recipient, event.campaign_id, complained=True)
        case RecipientUnsubscribed():
            gone = recipient.model_copy(update={"status": RecipientStatus.UNSUBSCRIBED})
            return gone if event.campaign_id is None else _noted(gone, event.campaign_id, unsubscribed=True)
        case RecipientResubscribed():
            return recipient.model_copy(update={"status": RecipientStatus.ACTIVE})
        case _:
            assert_never(event)


def _noted(recipient: Recipient, campaign_id: str, **facts: bool) -> Recipient:
    noted = recipient.of(campaign_id).model_copy(update=facts)
    return recipient.model_copy(update={"received": recipient.received | {campaign_id: noted}})

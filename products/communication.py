"""The message product: its settings and its record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from api.communication.access import LIMITS, SCOPES
from commands.communication.effects import (
    FindOwners,
    FindSenders,
    MarkAddress,
    SendMail,
    SendText,
    SendVerificationCode,
)
from commands.communication.wiring import COMMUNICATION as CONTEXT
from connectors.settings import ResendSettings, SmtpSettings, TwilioSettings
from domain.calls.outbox import ForgetMessages
from domain.communication.budget import Limits
from domain.communication.delivery import MessageDelivered, MessageRejected, MessageUndelivered
from domain.communication.kinds import Channel
from domain.communication.message import MessageDispatched
from domain.communication.webhooks import TYPES
from domain.messages import Effect
from domain.money import microcents
from domain.webhooks import FeedEvent, WebhookContent
from products.product import App, Credential, EdgeParts, Product, Webhooks, WorkerParts
from projections.communication import READ_MODELS
from settings import Settings
from streams.core.calls import AnyConnector
from streams.core.secrets import Secrets
from streams.telemetry.live_figures import Delivery

if TYPE_CHECKING:
    from content.communication.links import UnsubscribeLinks

FIRST_REQUEST = """\
TOKEN={token}
API={base}/communication/api/communication
curl -s $API/consent/email -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' \\
  -d '{{"user_id": 123, "email": "you@example.com", "consent_source": "web_form"}}'; echo
TASK=$(curl -s $API/send -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' \\
  -d '{{"user_id": 123, "trigger_type": "monthly_report", "data": {{"month": "November"}}, "channel": "email"}}' \\
  | tee /dev/stderr | sed 's/.*"task_id":"\\([^"]*\\)".*/\\1/'); echo; sleep 1
curl -s $API/status/$TASK -H "Authorization: Bearer $TOKEN"; echo
curl -s $API/status/$TASK/explanation -H "Authorization: Bearer $TOKEN"; echo
"""


LARGEST_BUDGET = 1_000_000_000
"""Dollars; in microcents still far from the largest integer of the database."""


class CommunicationSettings(BaseSettings):
    """Budgets over all recipients, in dollars, by UTC day and month; countries to whose numbers codes may be sent.

    `allowed_countries` are ISO 3166 codes with commas between them (`US,CA`); empty for all.
    """

    model_config = SettingsConfigDict(env_prefix="HEADWATER_", env_ignore_empty=True, extra="ignore")

    daily_budget: Decimal = Field(default=Decimal(100), ge=0, le=LARGEST_BUDGET)
    monthly_budget: Decimal = Field(default=Decimal(3000), ge=0, le=LARGEST_BUDGET)
    allowed_countries: str = Field(default="", validation_alias="COMMUNICATION_ALLOWED_COUNTRIES")

    @field_validator("allowed_countries")
    @classmethod
    def _known(cls, value: str) -> str:
        countries(value)
        return value

    @property
    def limits(self) -> Limits:
        return Limits(daily=microcents(self.daily_budget), monthly=microcents(self.monthly_budget))


def countries(named: str) -> frozenset[str]:
    """The countries of a list with commas; raises ValueError for one that has no phone numbers."""
    found = frozenset(country.strip().upper() for country in named.split(",") if country.strip())
    if found:
        import phonenumbers

        unknown = sorted(found - phonenumbers.SUPPORTED_REGIONS)
        if unknown:
            raise ValueError(f"these are no countries by their ISO 3166 codes, as in US,CA: {', '.join(unknown)}")
    return found


def unsubscribe_links(secrets: Secrets, public_url: str) -> UnsubscribeLinks:
    """Links signed with the installation's secret."""
    from content.communication.links import UnsubscribeLinks

    return UnsubscribeLinks(lambda about: secrets.mac("unsubscribe", about), public_url)


def app(parts: EdgeParts) -> App:
    """The surface `communication`."""
    from api.communication.app import build
    from api.communication.dependencies import Dependencies
    from api.communication.signers import Signers
    from connectors import providers

    own_settings, twilio, resend = CommunicationSettings(), TwilioSettings(), ResendSettings()
    own = Dependencies(
        engine=parts.engine,
        limits=own_settings.limits,
        countries=countries(own_settings.allowed_countries),
        secrets=parts.secrets,
        links=unsubscribe_links(parts.secrets, parts.settings.public),
        signers=Signers.of(twilio, resend),
        providers={"twilio_configured": twilio.complete, "resend_configured": resend.complete},
        carries=providers.carrier_of(resend, SmtpSettings()),
    )
    return App(build(parts.engine, parts.counters, parts.tokens("communication"), own), own.close)


def performers(parts: WorkerParts) -> Mapping[type[Effect], AnyConnector]:
    """The performers of this product's effects."""
    from connectors import providers
    from effects.communication.consent import ConsentCheck
    from effects.communication.deliveries import RecordedDeliveries
    from effects.communication.messages import code_of, mail_of, text_of
    from effects.communication.owners import AddressMark, OwnerSearch
    from effects.outbox import OutboxRemoval
    from effects.rendering import PermissionGuard, RecordedFirst, Rendering

    outbox, links = parts.settings.outbox, unsubscribe_links(parts.secrets, parts.settings.public)
    mark = parts.secrets.mark
    sms = providers.sms(TwilioSettings(), outbox)
    email = providers.email(ResendSettings(), SmtpSettings(), outbox)
    return {
        SendText: RecordedFirst(
            RecordedDeliveries(parts.dsn, Channel.SMS),
            PermissionGuard(ConsentCheck(parts.dsn, Channel.SMS, mark), Rendering(text_of, sms)),
        ),
        SendMail: PermissionGuard(ConsentCheck(parts.dsn, Channel.EMAIL, mark), Rendering(mail_of(links), email)),
        SendVerificationCode: Rendering(code_of(parts.secrets), sms),
        FindSenders: OwnerSearch(parts.dsn, parts.secrets.salt),
        FindOwners: OwnerSearch(parts.dsn, parts.secrets.salt),
        MarkAddress: AddressMark(parts.dsn, parts.secrets),
        ForgetMessages: OutboxRemoval(outbox),
    }


def check(settings: Settings) -> Sequence[str]:
    """Read every setting of this product; returns what an operator may have forgotten.

    Raises pydantic's ValidationError.
    """
    CommunicationSettings()
    twilio, resend, smtp = TwilioSettings(), ResendSettings(), SmtpSettings()
    mails = resend.complete or smtp.url is not None
    found = {
        f"HEADWATER_PUBLIC_URL is not set: e-mails carry unsubscribe links to {settings.public}, which recipients "
        "cannot open": mails and settings.public_url is None,
        "TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN and TWILIO_FROM are not all set: texts go to the sandbox": (
            twilio.account_sid is not None and not twilio.complete
        ),
        "TWILIO_WEBHOOK_URL is not set: Twilio reports no deliveries": twilio.complete and twilio.webhook_url is None,
        "RESEND_FROM is not set: e-mails do not go out by Resend": resend.api_key is not None and not resend.complete,
        "RESEND_WEBHOOK_SECRET is not set: reports by Resend are refused": (
            resend.complete and resend.webhook_secret is None
        ),
    }
    return [warning for warning, holds in found.items() if holds]


def content(event: FeedEvent) -> WebhookContent:
    """The content of the webhook about an event."""
    from content.communication.webhooks import webhook_content

    return webhook_content(event)


def preview(trigger_type: str, channel: str, values: str, html: bool) -> str:
    """A message before it is sent; raises ValueError with a sentence."""
    from content.communication.previews import preview_message

    return preview_message(trigger_type, channel, values, html)


COMMUNICATION = Product(
    context=replace(CONTEXT, read_models=READ_MODELS),
    apps={"communication": app},
    performers=performers,
    credential=Credential(scopes=SCOPES, default=SCOPES),
    limits=LIMITS,
    first_request=FIRST_REQUEST,
    deliveries=Delivery(
        "communication",
        begun=frozenset({MessageDispatched.name}),
        arrived=frozenset({MessageDelivered.name}),
        failed=frozenset({MessageRejected.name, MessageUndelivered.name}),
    ),
    webhooks=Webhooks(types=TYPES, content=content),
    preview=preview,
    check=check,
)

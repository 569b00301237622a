"""The secrets that verify providers' reports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from pydantic import SecretStr

from connectors.settings import ResendSettings, TwilioSettings


@dataclass(frozen=True, slots=True)
class Signers:
    """Twilio's token, the public address of its status webhook, and Resend's secret.

    Without that address, the request's address is used. Without a secret, no report of that provider is valid.
    """

    twilio_token: str | None
    twilio_url: str | None
    resend_secret: str | None

    @classmethod
    def of(cls, twilio: TwilioSettings, resend: ResendSettings) -> Self:
        """The signers that the settings configure."""
        return cls(_clear(twilio.auth_token), twilio.webhook_url, _clear(resend.webhook_secret))


def _clear(secret: SecretStr | None) -> str | None:
    return None if secret is None else secret.get_secret_value()

"""The provider of each port, chosen by the settings; without credentials, the sandbox."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

from connectors.anthropic import AnthropicModel
from connectors.email import needs_utf8
from connectors.model import LanguageModel
from connectors.ollama import OllamaModel
from connectors.resend import ResendEmail
from connectors.sandbox import SandboxEmail, SandboxSms
from connectors.settings import ModelSettings, ResendSettings, SmtpSettings, TwilioSettings
from connectors.smtp import SmtpEmail
from connectors.twilio import TwilioSms
from domain.calls.email import Email
from domain.calls.sms import Sms
from streams.core.calls import Connector


def sms(twilio: TwilioSettings, outbox: Path) -> Connector[Sms]:
    """Twilio when its credentials are set, else the sandbox, which writes to the outbox."""
    if twilio.account_sid is None or twilio.auth_token is None or twilio.sender is None:
        return SandboxSms(outbox)
    token = twilio.auth_token.get_secret_value()
    return TwilioSms(twilio.account_sid, token, twilio.sender, twilio.base_url, twilio.webhook_url)


def email(resend: ResendSettings, smtp: SmtpSettings, outbox: Path) -> Connector[Email]:
    """Resend when its key is set, else SMTP when its URL is set, else the sandbox."""
    if resend.api_key is not None and resend.sender is not None:
        return ResendEmail(resend.api_key.get_secret_value(), resend.sender, resend.base_url)
    if smtp.url is not None:
        return SmtpEmail(smtp.url.get_secret_value(), smtp.sender)
    return SandboxEmail(outbox)


def carrier_of(resend: ResendSettings, smtp: SmtpSettings) -> Callable[[str], Awaitable[bool]]:
    """The question whether the provider of e-mail carries an address; the sandbox takes every one.

    Resend carries no mailbox beyond ASCII; an SMTP server is asked what it offers.
    """
    if resend.complete:
        return _carried_by_resend
    if smtp.url is not None:
        return SmtpEmail(smtp.url.get_secret_value(), smtp.sender).carries
    return _carried_by_sandbox


async def _carried_by_resend(address: str) -> bool:
    return not needs_utf8(address)


async def _carried_by_sandbox(_address: str) -> bool:
    return True


def language_model(settings: ModelSettings) -> LanguageModel | None:
    """Anthropic when its key is set, else Ollama when its address is set, else None."""
    if settings.anthropic_api_key is not None:
        key = settings.anthropic_api_key.get_secret_value()
        return AnthropicModel(key, settings.anthropic_base_url, settings.anthropic_version)
    if settings.ollama_base_url is not None:
        return OllamaModel(settings.ollama_base_url, settings.ollama_model)
    return None

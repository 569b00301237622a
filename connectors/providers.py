"""The provider of each port, chosen by the settings; without credentials, the sandbox."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

from connectors.anthropic import AnthropicModel
from connectors.document_sources import DocumentSources, SandboxDocuments
from connectors.email import needs_utf8
from connectors.google_credentials import GoogleCredentials, ServiceAccount, access_token, api_key
from connectors.google_docs import GoogleDocs
from connectors.model import LanguageModel
from connectors.notion import Notion
from connectors.ollama import OllamaModel
from connectors.resend import ResendEmail
from connectors.sandbox import SandboxEmail, SandboxSms
from connectors.settings import (
    GoogleSettings,
    ModelSettings,
    NotionSettings,
    ResendSettings,
    SmtpSettings,
    TwilioSettings,
)
from connectors.smtp import SmtpEmail
from connectors.twilio import TwilioSms
from connectors.web_page import WebPages
from domain.calls.document import Document, FetchDocument, Source
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


def documents(
    google: GoogleSettings, notion: NotionSettings, demonstration: Document, allow_private: bool
) -> DocumentSources:
    """Every source of documents; one without credentials gives the demonstration for every id."""
    return DocumentSources(
        {
            Source.GOOGLE_DOCS: google_docs(google) or SandboxDocuments(demonstration),
            Source.NOTION: notion_pages(notion) or SandboxDocuments(demonstration),
            Source.URL: WebPages(allow_private),
        }
    )


def google_docs(google: GoogleSettings) -> Connector[FetchDocument] | None:
    """Google Docs when there are credentials, else None."""
    credentials = google_credentials(google)
    return None if credentials is None else GoogleDocs(credentials, google.docs_base_url, google.drive_base_url)


def google_credentials(google: GoogleSettings) -> GoogleCredentials | None:
    """The access token when it is set, else the service account, else the API key, else None."""
    if google.access_token is not None:
        return access_token(google.access_token.get_secret_value())
    if google.service_account_file is not None:
        return ServiceAccount(google.service_account_file, google.token_url)
    return None if google.api_key is None else api_key(google.api_key.get_secret_value())


def notion_pages(notion: NotionSettings) -> Connector[FetchDocument] | None:
    """Notion when there is a token, else None."""
    token = notion.credential
    return None if token is None else Notion(token.get_secret_value(), notion.base_url)

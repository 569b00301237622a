"""The provider of each port, chosen by the settings; without credentials, the sandbox."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

from connectors.anthropic import AnthropicModel
from connectors.chat import ChatServices
from connectors.crm import Crm
from connectors.crm_http import HttpCrm
from connectors.document_sources import DocumentSources, SandboxDocuments
from connectors.email import EmailConnector, needs_utf8
from connectors.embed_local import LocalEmbeddings
from connectors.embed_ollama import OllamaEmbeddings
from connectors.embed_openai import OpenAiEmbeddings
from connectors.embeddings import Embeddings
from connectors.facebook import FacebookPosts
from connectors.google_credentials import GoogleCredentials, ServiceAccount, access_token, api_key
from connectors.google_docs import GoogleDocs
from connectors.linkedin import LinkedInPosts
from connectors.model import LanguageModel
from connectors.notion import Notion
from connectors.ollama import OllamaModel
from connectors.platform import Platform
from connectors.platform_http import HttpPlatform
from connectors.resend import ResendEmail
from connectors.sandbox import SandboxEmail, SandboxSms, SandboxSocial
from connectors.sandbox_crm import SandboxCrm
from connectors.sandbox_platform import SandboxPlatform
from connectors.settings import (
    CrmSettings,
    EmbeddingSettings,
    FacebookSettings,
    GoogleSettings,
    LinkedInSettings,
    ModelSettings,
    NotionSettings,
    PlatformSettings,
    ResendSettings,
    SmtpSettings,
    TelegramSettings,
    TwilioSettings,
    WhatsAppSettings,
    XSettings,
)
from connectors.smtp import SmtpEmail
from connectors.social import SocialNetworks
from connectors.telegram import TelegramChat
from connectors.twilio import TwilioSms
from connectors.web_page import WebPages
from connectors.whatsapp import WhatsAppChat
from connectors.x import XPosts
from domain.calls.chat import ChatChannel
from domain.calls.document import Document, FetchDocument, Source
from domain.calls.sms import Sms
from domain.calls.social_post import Network, SocialPost
from streams.core.calls import Connector


def sms(twilio: TwilioSettings, outbox: Path) -> Connector[Sms]:
    """Twilio when its credentials are set, else the sandbox, which writes to the outbox."""
    if twilio.account_sid is None or twilio.auth_token is None or twilio.sender is None:
        return SandboxSms(outbox)
    token = twilio.auth_token.get_secret_value()
    return TwilioSms(twilio.account_sid, token, twilio.sender, twilio.base_url, twilio.webhook_url)


def email(resend: ResendSettings, smtp: SmtpSettings, outbox: Path) -> EmailConnector:
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


def embeddings(settings: EmbeddingSettings, model: ModelSettings) -> Embeddings:
    """The server of embeddings when its address is set, else Ollama when its is, else the built-in model."""
    if settings.url is not None:
        key = "" if settings.key is None else settings.key.get_secret_value()
        return OpenAiEmbeddings(settings.url, key, settings.model)
    if model.ollama_base_url is not None:
        return OllamaEmbeddings(model.ollama_base_url)
    return LocalEmbeddings()


def social(x: XSettings, linkedin: LinkedInSettings, facebook: FacebookSettings, outbox: Path) -> SocialNetworks:
    """Each network when its credentials are set, else the sandbox in its place."""
    return SocialNetworks(
        {
            Network.TWITTER: _x(x) or SandboxSocial(outbox),
            Network.LINKEDIN: _linkedin(linkedin) or SandboxSocial(outbox),
            Network.FACEBOOK: _facebook(facebook) or SandboxSocial(outbox),
        }
    )


def _x(settings: XSettings) -> Connector[SocialPost] | None:
    token = settings.credential
    return None if token is None else XPosts(token.get_secret_value(), settings.address)


def _linkedin(settings: LinkedInSettings) -> Connector[SocialPost] | None:
    if settings.access_token is None or settings.author is None:
        return None
    token = settings.access_token.get_secret_value()
    return LinkedInPosts(token, settings.author, settings.version, settings.base_url)


def _facebook(settings: FacebookSettings) -> Connector[SocialPost] | None:
    token = settings.credential
    if token is None or settings.page_id is None:
        return None
    return FacebookPosts(token.get_secret_value(), settings.page_id, settings.base_url)


def chat(whatsapp: WhatsAppSettings, telegram: TelegramSettings) -> ChatServices:
    """Every chat service. Credentials are each channel's own."""
    return {
        ChatChannel.WHATSAPP: WhatsAppChat(whatsapp.base_url, whatsapp.api_version),
        ChatChannel.TELEGRAM: TelegramChat(telegram.base_url),
    }


def crm(settings: CrmSettings, outbox: Path) -> Crm:
    """The CRM when its address and key are set, else the sandbox with its demo subscribers."""
    if settings.base_url is None or settings.api_key is None:
        return SandboxCrm(outbox)
    return HttpCrm(settings.base_url, settings.api_key.get_secret_value())


def platform(settings: PlatformSettings, outbox: Path) -> Platform:
    """The platform when its address and key are set, else the sandbox, which writes pages to the outbox."""
    if settings.base_url is None or settings.api_key is None:
        return SandboxPlatform(outbox)
    return HttpPlatform(settings.base_url, settings.api_key.get_secret_value())


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

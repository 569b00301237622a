"""Who answers completions and who delivers webhooks, as the settings say."""

from __future__ import annotations

from api.gccp.settings import GccpSettings
from commands.gccp.reactions import ENDPOINT
from connectors.anthropic import AnthropicModel
from connectors.model import LanguageModel
from connectors.ollama import OllamaModel
from connectors.webhook import Destination
from effects.gccp.offline_writer import MODEL, OfflineWriter


def language_model(settings: GccpSettings) -> LanguageModel:
    """Anthropic when its key is set, else Ollama when its address is set, else the offline writer."""
    if settings.anthropic_api_key is not None:
        key = settings.anthropic_api_key.get_secret_value()
        return AnthropicModel(key, settings.anthropic_base_url, settings.anthropic_version)
    if settings.ollama_base_url is not None:
        return OllamaModel(settings.ollama_base_url, settings.ollama_model)
    return OfflineWriter()


def generation_model(settings: GccpSettings) -> str:
    """The name of the model that generations are written with."""
    if settings.anthropic_api_key is not None:
        return settings.model
    return MODEL if settings.ollama_base_url is None else settings.ollama_model


def destinations(settings: GccpSettings) -> dict[str, Destination]:
    """Where this product's webhooks go, by endpoint id; empty when nothing is configured. Raises ValueError."""
    if settings.webhook_url is None or settings.webhook_secret is None:
        return {}
    return {ENDPOINT: Destination(settings.webhook_url, settings.webhook_secret)}

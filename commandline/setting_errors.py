"""The check of all settings at the start, and its errors in sentences that name the variables."""

from __future__ import annotations

import logging

from pydantic import ValidationError
from pydantic_core import ErrorDetails, InitErrorDetails
from pydantic_settings import BaseSettings

import bootstrap
from api.mounts import mount_of
from api.sentences import sentence_of
from settings import Settings

log = logging.getLogger(__name__)


def check_settings(settings: Settings) -> None:
    """Read every setting, and log what an operator may have forgotten; raises pydantic's ValidationError."""
    _check_root(settings.root)
    for warning in bootstrap.check_settings(settings):
        log.warning("%s", warning)


def _check_root(surface: str | None) -> None:
    if surface is None or bootstrap.product_of(surface) is not None:
        return
    there = ", ".join(sorted(map(mount_of, bootstrap.SURFACES)))
    error = ValueError(f"must be the name of a surface: {there}")
    found = InitErrorDetails(type="value_error", loc=("root",), input=None, ctx={"error": error})
    raise ValidationError.from_exception_data(Settings.__name__, [found])


def sentences(error: ValidationError) -> str:
    """The errors of settings in one line, each with its variable. It echoes no value: that may be a secret."""
    return "; ".join(_sentence(error.title, found) for found in error.errors(include_url=False, include_input=False))


def _sentence(title: str, found: ErrorDetails) -> str:
    sentence = sentence_of(found)
    return f"{_variable(title, str(found['loc'][0]))} {sentence}" if found["loc"] else sentence


def _variable(title: str, field: str) -> str:
    """The name of the environment variable; a name in capitals is that of the variable already."""
    if field.isupper():
        return field
    prefixes = (str(one.model_config.get("env_prefix", "")) for one in _settings(BaseSettings) if one.__name__ == title)
    return f"{next(prefixes, '')}{field}".upper()


def _settings(base: type[BaseSettings]) -> list[type[BaseSettings]]:
    return [found for one in base.__subclasses__() for found in (one, *_settings(one))]

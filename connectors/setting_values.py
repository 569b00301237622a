"""Types of settings: each is parsed once, at the start, and an error says in a sentence what the value must be."""

from __future__ import annotations

import base64
import binascii
import re
from email.utils import parseaddr
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, SecretStr

SCHEMES = frozenset({"http", "https"})
SMTP_SCHEMES = frozenset({"smtp", "smtps"})


def is_http_address(value: str) -> bool:
    """Whether it is an http or https address with a host."""
    return _is_address(value, SCHEMES)


def is_signing_text(value: str) -> bool:
    """Whether an outgoing webhook can be signed with it: `whsec_` and base64, or any text without that prefix."""
    return not value.startswith("whsec_") or _key_in(value) is not None


def _http_address(value: str) -> str:
    if not is_http_address(value):
        raise ValueError("must be an address that begins with http:// or https://")
    return value


def _is_address(value: str, schemes: frozenset[str]) -> bool:
    try:
        parts = urlsplit(value)
        return parts.scheme in schemes and bool(parts.hostname) and parts.port != 0 and _is_token(value)
    except ValueError:  # a port that is none, half a bracket
        return False


def _is_token(value: str) -> bool:
    return value.isascii() and value.isprintable() and " " not in value


def _smtp_address(value: SecretStr) -> SecretStr:
    if not _is_address(value.get_secret_value(), SMTP_SCHEMES):
        raise ValueError("must be an address as smtp://user:password@host:587 or smtps://user:password@host:465")
    return value


def _token(value: str) -> str:
    if not _is_token(value):
        raise ValueError("must have printable ASCII characters only, and no spaces")
    return value


def _secret_token(value: SecretStr) -> SecretStr:
    _token(value.get_secret_value())
    return value


def _mailbox(value: str) -> str:
    mailbox, at, domain = parseaddr(value)[1].rpartition("@")
    if not value.isprintable() or not (mailbox and at and domain) or not mailbox.isascii():
        raise ValueError("must be an e-mail address, or Name <address>")
    return value


def _key_in(value: str) -> bytes | None:
    try:
        return base64.b64decode(value.removeprefix("whsec_"), validate=True) or None
    except (binascii.Error, ValueError):  # also for what is not ASCII
        return None


def _signing_secret(value: SecretStr) -> SecretStr:
    if _key_in(value.get_secret_value()) is None:
        raise ValueError("must be a signing secret as the provider shows it: whsec_ followed by base64")
    return value


_VERSION = re.compile(r"/v?\d+(\.\d+)*/?$", re.ASCII)
_AUTHOR = re.compile(r"urn:li:(person|organization):[\w-]+", re.ASCII)
_PAGE = re.compile(r"[\w.-]+", re.ASCII)


def _unversioned(value: str) -> str:
    if _VERSION.search(urlsplit(value).path):
        raise ValueError("must be an address without a version of the API at its end, which is added")
    return value


def _author(value: str) -> str:
    if not _AUTHOR.fullmatch(value):
        raise ValueError("must be urn:li:person:… or urn:li:organization:…, with the id at its end")
    return value


def _page_id(value: str) -> str:
    if not _PAGE.fullmatch(value):
        raise ValueError("must be the id of a Page, as in its address")
    return value


HttpAddress = Annotated[str, AfterValidator(_http_address)]
UnversionedAddress = Annotated[HttpAddress, AfterValidator(_unversioned)]
LinkedInAuthor = Annotated[str, AfterValidator(_author)]
FacebookPage = Annotated[str, AfterValidator(_page_id)]
SmtpAddress = Annotated[SecretStr, AfterValidator(_smtp_address)]
"""Secret for its password."""

Token = Annotated[str, AfterValidator(_token)]
SecretToken = Annotated[SecretStr, AfterValidator(_secret_token)]
"""A key that goes into a header."""

Mailbox = Annotated[str, AfterValidator(_mailbox)]
SigningSecret = Annotated[SecretStr, AfterValidator(_signing_secret)]
"""The secret of a provider's reports, as Standard Webhooks write it."""

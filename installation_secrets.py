"""The secrets of an installation: settings, or files in its data directory that are made when they are missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import SecretStr

from settings import Settings
from streams.core.secrets import Secrets
from streams.secret_files import read_or_create_secret, read_secret

if TYPE_CHECKING:
    from api.auth import SigningKeys

SECOND_KEY = "token.next.key"


def master_key(settings: Settings) -> bytes:
    """The key that wraps the subjects' keys: a setting, or a file. Raises WrongSecret for a malformed one."""
    if settings.master_key is not None:
        return _given(settings.master_key)
    settings.data.mkdir(parents=True, exist_ok=True)
    return read_or_create_secret(settings.data / "master.key")


def _given(secret: SecretStr) -> bytes:
    """The bytes of a setting, which `Settings` has checked."""
    return bytes.fromhex(secret.get_secret_value())


def token_secret(settings: Settings) -> bytes:
    """The first key that signs tokens: a setting, or a file. Raises WrongSecret for a malformed one."""
    if settings.token_secret is not None:
        return _given(settings.token_secret)
    settings.data.mkdir(parents=True, exist_ok=True)
    return read_or_create_secret(settings.data / "token.key")


def signing_keys(settings: Settings) -> SigningKeys:
    """The keys that tokens are valid with: two settings, or two files. Raises WrongSecret for a malformed one."""
    from api.auth import SigningKeys

    second = _second_token_secret(settings)  # first, as the end of a rotation moves it into the other's place
    return SigningKeys.of(token_secret(settings), second)


def valid_keys(settings: Settings) -> SigningKeys:
    """The keys as they are now, for a process that runs: a key that has gone is not made anew. Raises OSError."""
    if not can_sign(settings):
        raise FileNotFoundError(settings.data / "token.key")
    return signing_keys(settings)


def _second_token_secret(settings: Settings) -> bytes | None:
    if settings.token_secret is not None:
        return None if settings.token_secret_next is None else _given(settings.token_secret_next)
    path = settings.data / SECOND_KEY
    return read_secret(path) if path.exists() else None


def can_sign(settings: Settings) -> bool:
    """Whether there is a key that signs tokens, so that `signing_keys` would make none."""
    return settings.token_secret is not None or (settings.data / "token.key").exists()


def installation_secret(settings: Settings) -> bytes:
    """The secret from which codes, marks, links and webhook secrets derive; unlike the tokens' key it never rotates.

    A setting, or a file whose first content is the tokens' key: older installations had one secret for both. If the
    tokens' key is a setting, and this secret is neither a setting nor a file, the tokens' key is used.
    """
    if settings.secret is not None:
        return _given(settings.secret)
    if settings.token_secret is not None and not (settings.data / "secret.key").exists():
        return token_secret(settings)
    settings.data.mkdir(parents=True, exist_ok=True)
    return read_or_create_secret(settings.data / "secret.key", token_secret(settings))


def secrets(settings: Settings) -> Secrets:
    """The secrets that derive from the installation's secret."""
    return Secrets(installation_secret(settings))

"""The secrets of an installation, as the settings and the data directory give them."""

from __future__ import annotations

from pathlib import Path

from pydantic import SecretStr

import bootstrap
import installation_secrets
from products import PRODUCTS
from settings import Settings

GIVEN = "ab" * 32
OTHER = "cd" * 32


def test_the_installations_secret_is_made_of_the_tokens_key_and_then_stays_when_that_changes(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path)
    first = installation_secrets.installation_secret(settings)
    assert first == installation_secrets.token_secret(settings)
    (tmp_path / "token.key").write_text(OTHER)
    assert installation_secrets.token_secret(settings) == bytes.fromhex(OTHER)
    assert installation_secrets.installation_secret(settings) == first


def test_where_only_the_tokens_key_is_given_it_serves_as_the_secret_and_no_file_is_made(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path / "data", token_secret=SecretStr(GIVEN))
    assert installation_secrets.installation_secret(settings) == bytes.fromhex(GIVEN)
    assert not (tmp_path / "data").exists()


def test_a_given_secret_goes_before_every_other(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path, token_secret=SecretStr(GIVEN), secret=SecretStr(OTHER))
    assert installation_secrets.installation_secret(settings) == bytes.fromhex(OTHER)


def test_hyphen_and_underscore_are_one_in_a_surfaces_name() -> None:
    assert bootstrap.product_of("nowhere") is None
    assert {bootstrap.product_of(name.replace("_", "-")) for name in bootstrap.SURFACES} == set(PRODUCTS)

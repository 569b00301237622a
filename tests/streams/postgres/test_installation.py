"""Secrets stored with an installation: a process with other secrets is refused."""

from __future__ import annotations

import pytest

from streams.core.secrets import Secrets
from streams.postgres.database import connect_plain
from streams.postgres.installation import WrongInstallation, check_secret, prepare
from tests.contract.shelf import SHELF


def test_a_process_with_another_secret_is_refused_and_one_with_the_same_is_not(database: str) -> None:
    own, other = Secrets(bytes(32)), Secrets(bytes(31) + b"1")
    with connect_plain(database) as connection:
        prepare(connection, [SHELF], 1)
        check_secret(connection, own.mark_of_installation)
        check_secret(connection, own.mark_of_installation)
        with pytest.raises(WrongInstallation, match="derive from another secret"):
            check_secret(connection, other.mark_of_installation)

"""What is stored with an installation: marks of its secrets, and what its processes can read."""

from __future__ import annotations

import pytest

from streams.core.secrets import Secrets
from streams.postgres.database import connect_plain
from streams.postgres.installation import WrongInstallation, check_secret, prepare, seal_remarks
from tests.contract.shelf import SHELF


def test_a_process_with_another_secret_is_refused_and_one_with_the_same_is_not(database: str) -> None:
    own, other = Secrets(bytes(32)), Secrets(bytes(31) + b"1")
    with connect_plain(database) as connection:
        prepare(connection, [SHELF], 1)
        check_secret(connection, own.mark_of_installation)
        check_secret(connection, own.mark_of_installation)
        with pytest.raises(WrongInstallation, match="derive from another secret"):
            check_secret(connection, other.mark_of_installation)


def test_that_sealed_remarks_are_read_is_known_of_a_new_installation_and_said_by_the_first_new_processor(
    database: str,
) -> None:
    found = "select seals_remarks from headwater.installation"
    with connect_plain(database) as connection:
        prepare(connection, [SHELF], 1)
        assert connection.execute(found).fetchall() == [(True,)]
        connection.execute("update headwater.installation set seals_remarks = null")  # as an upgraded one has it
        prepare(connection, [SHELF], 1)
        assert connection.execute(found).fetchall() == [(None,)]
        seal_remarks(connection)
        assert connection.execute(found).fetchall() == [(True,)]

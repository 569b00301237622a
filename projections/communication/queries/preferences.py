"""A person's preferences from the journal, never older than the version beside them."""

from __future__ import annotations

from typing import NamedTuple

from psycopg import AsyncConnection

from domain.communication.preferences import DEFAULTS, Preferences
from domain.communication.recipient import PreferencesReset, PreferencesUpdated
from projections.communication.queries.journal import CONTEXT
from streams.core.read_models import Row

NAMES = [PreferencesUpdated.name, PreferencesReset.name]

CURRENT = """
    select (select coalesce(max(version), 0) from headwater.journal
             where context = %(context)s and stream = %(stream)s),
           (select convert_from(data, 'UTF8')::json->'preferences' from headwater.journal
             where context = %(context)s and stream = %(stream)s and name = any(%(names)s)
             order by version desc limit 1)
"""


class CurrentPreferences(NamedTuple):
    """Complete preferences, and the version of the recipient's stream."""

    preferences: Preferences
    version: int


async def current_preferences(connection: AsyncConnection[Row], user_id: int) -> CurrentPreferences:
    """Preferences and version by one statement, so of one moment; the defaults if none were set.

    Not from the read model, which may lag or have halted: a change based on it would undo later changes, although made
    on condition of the version.
    """
    asked = {"context": CONTEXT, "stream": f"recipient/{user_id}", "names": NAMES}
    row = await (await connection.execute(CURRENT, asked)).fetchone()
    assert row is not None
    version, found = row
    return CurrentPreferences(DEFAULTS if found is None else Preferences.model_validate(found), version)

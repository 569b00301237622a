"""JSON of any form, with a provider's own names and values among it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple

from hypothesis import strategies as st

from connectors.chat_updates import ChatUpdate


def json_with(names: Sequence[str], values: Sequence[str]) -> st.SearchStrategy[object]:
    """JSON values in which objects have these names and texts are often these values."""
    leaves: st.SearchStrategy[object] = st.one_of(
        st.sampled_from(values),
        st.text(max_size=8),
        st.integers(),
        st.floats(allow_nan=True),
        st.booleans(),
        st.none(),
    )
    keys = st.sampled_from(names) | st.text(max_size=3)
    return st.recursive(leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=5))


def assert_storable(update: ChatUpdate) -> None:
    """No text of the record has a NUL or half a surrogate pair, which cannot be stored."""
    for value in astuple(update):
        assert "\0" not in str(value).encode().decode()

"""Errors about messages: they name what is wrong and hold no personal values."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from tests.contract.runtimes import START
from tests.contract.shelf import OpenJar


def test_the_error_about_a_message_that_does_not_fit_does_not_show_what_is_in_it() -> None:
    with pytest.raises(ValidationError, match="later") as error:
        OpenJar.model_validate({"at": START, "jar": "plums", "owner": "ada", "note": ["Agatha"], "later": "Agatha"})
    assert "Agatha" not in str(error.value)

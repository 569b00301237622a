"""A read model that changes says so: by its version, or by a line that was renewed on purpose."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bootstrap import CONTEXTS
from streams.core.read_models import ReadModel
from tests.projections.digests import COMMAND, Digest, committed, complaint, current, digest_of, every_model, program

MODELS = every_model()
LINE = Digest("rows", 1, "ddl", "module")


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_a_read_model_changes_only_with_its_version_or_its_line(model: ReadModel) -> None:
    wrong = complaint(digest_of(model), committed().get(model.name))
    assert wrong is None, wrong


def test_every_read_model_of_a_product_has_a_line() -> None:
    served = {model.name for context in CONTEXTS for model in context.read_models}
    assert served <= committed().keys()


def test_no_line_is_left_of_a_read_model_that_is_gone() -> None:
    gone = committed().keys() - {digest.name for digest in current()}
    assert gone == set(), f"no code lists these read models any more: {COMMAND}"


@pytest.mark.parametrize("changed", [LINE._replace(ddl="other"), LINE._replace(module="other")])
def test_a_change_under_the_same_version_asks_for_a_decision(changed: Digest) -> None:
    assert "raise the version, or renew the line if no row changes" in str(complaint(changed, LINE))


def test_a_raised_version_asks_for_a_new_line() -> None:
    assert "version 2 and its line says 1" in str(complaint(LINE._replace(version=2, ddl="other"), LINE))


def test_another_ddl_is_another_digest() -> None:
    assert digest_of(replace(MODELS[0], ddl="create table {table} (id int);")).ddl != digest_of(MODELS[0]).ddl


def test_prose_and_layout_do_not_count_and_every_statement_does() -> None:
    plain = "NAME = 1\ndef f():\n    return NAME\n"
    described = f'"""A module."""\n{plain}"""A function of its name."""\n'.replace("NAME\n", "NAME  # why\n\n\n")
    assert program(described) == program(plain)
    assert program(plain.replace("1", "2")) != program(plain)

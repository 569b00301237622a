"""Composition: by rules, with a model's texts where they are fit, and never without content because a model failed."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from commands.content_generator.effects import ComposeContent
from connectors.settings import ModelSettings
from domain.calls.completion import Completion
from domain.content_generator.composed import LARGEST_COMPOSED, Composed
from domain.content_generator.kinds import Channel, Options, TemplateName
from effects.content_generator.composition import Composition
from effects.content_generator.model_texts import ModelTexts
from effects.lookup import AWAY, BEHIND
from products.content_generator import ContentGeneratorSettings, language_model
from streams.core.calls import Accepted, Deferred, Rejected, Unknown, Verdict
from tests.projections.content_generator.examples import fetch
from tests.projections.content_generator.running import Running

NOWHERE = "host=127.0.0.1 port=1 dbname=none connect_timeout=1"
EVERY = ("email.subject", "web.meta_description", "social.twitter", "social.linkedin", "social.facebook")


class Model:
    """A language model that answers with these texts, or with a verdict."""

    provider = "model"
    idempotent = True

    def __init__(self, answer: dict[str, str] | Verdict, waits: bool = False) -> None:
        self.answer = answer if not isinstance(answer, dict) else Accepted("m", {"text": json.dumps(answer)})
        self.waits = waits
        self.asked: list[Completion] = []

    async def __call__(self, effect: Completion, key: str) -> Verdict:
        self.asked.append(effect)
        if self.waits:
            await asyncio.Event().wait()
        return self.answer

    async def close(self) -> None:
        """Nothing to close."""


def order(document: str | None = "document-key", **more: Any) -> ComposeContent:
    given: dict[str, Any] = {
        "owner": "sync_job",
        "id": "root",
        "document": document,
        "version": 1,
        "channels": tuple(Channel),
        "template": TemplateName.PLAIN,
        "options": Options(),
        "custom_data": {},
    }
    return ComposeContent(**given | more)


async def composed(dsn: str, effect: ComposeContent, model: Model | None = None, seconds: float = 5.0) -> Verdict:
    performer = Composition(dsn, None if model is None else ModelTexts(model, "claude", seconds))
    try:
        return await performer(effect, "key")
    finally:
        await performer.close()


def content(verdict: Verdict) -> Composed:
    assert isinstance(verdict, Accepted)
    return Composed.model_validate(verdict.output)


async def test_a_version_that_no_read_model_has_yet_is_waited_for(world: Running, database: str) -> None:
    assert await composed(database, order()) == BEHIND
    assert await composed(database, order(None, summary="summary-1")) == BEHIND


async def test_a_database_that_is_away_puts_the_composition_off(monkeypatch: pytest.MonkeyPatch) -> None:
    assert await composed(NOWHERE, order()) == AWAY


async def test_without_a_model_the_rules_text_stands_and_nothing_is_called_unfit(world: Running, database: str) -> None:
    await world.finish(fetch())
    found = content(await composed(database, order()))
    assert (found.email and found.email.subject, found.unfit) == ("News", ())


async def test_fit_texts_of_a_model_stand_and_the_others_are_named(world: Running, database: str) -> None:
    await world.finish(fetch())
    model = Model({"email.subject": "Breathe today", "social.twitter": "Buy 99 now"})
    found = content(await composed(database, order(), model))
    assert found.email is not None
    assert found.email.subject == "Breathe today"
    assert found.unfit == EVERY[1:]
    (asked,) = model.asked
    assert (asked.model, asked.reference) == ("claude", "root")
    assert "Breathe." in (asked.messages or ())[0].content


@pytest.mark.parametrize(
    "answer", [Rejected("refused", "no"), Deferred("busy", "later"), Unknown("cut"), Accepted("m", {"text": "Hello"})]
)
async def test_a_model_that_fails_leaves_the_rules_text(world: Running, database: str, answer: Verdict) -> None:
    await world.finish(fetch())
    by_rules = content(await composed(database, order()))
    assert content(await composed(database, order(), Model(answer))) == by_rules.model_copy(update={"unfit": EVERY})


async def test_a_model_that_does_not_answer_is_not_waited_for(world: Running, database: str) -> None:
    await world.finish(fetch())
    found = content(await composed(database, order(), Model({}, waits=True), seconds=0.05))
    assert found.unfit == EVERY


async def test_the_built_in_document_is_not_worded_by_a_model(database: str) -> None:
    model = Model({"email.subject": "Else"})
    assert content(await composed(NOWHERE, order(None), model)).unfit == ()
    assert model.asked == []


async def test_what_is_too_large_is_refused_before_a_model_is_asked(
    world: Running, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.finish(fetch())
    monkeypatch.setattr("content.content_generator.composition.LARGEST_COMPOSED", 100)
    model = Model({"email.subject": "Breathe today"})
    verdict = await composed(database, order(), model)
    assert isinstance(verdict, Rejected)
    assert verdict.code == "too_large"
    assert model.asked == []
    assert LARGEST_COMPOSED == 700_000


async def test_a_model_whose_texts_make_it_too_large_leaves_the_rules_text(
    world: Running, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.finish(fetch())
    by_rules = content(await composed(database, order()))
    size = len(by_rules.model_copy(update={"unfit": EVERY}).model_dump_json())
    monkeypatch.setattr("content.content_generator.composition.LARGEST_COMPOSED", size)
    long = Model({"social.linkedin": "Breathe. " * 100, "social.facebook": "Breathe. " * 100})
    assert content(await composed(database, order(), long)).social == by_rules.social


@pytest.mark.parametrize(
    ("model", "settings", "there"),
    [
        (None, {"ANTHROPIC_API_KEY": "sk-ant-1"}, False),
        ("claude-x", {}, False),
        ("claude-x", {"ANTHROPIC_API_KEY": "sk-ant-1"}, True),
        ("llama3.2", {"OLLAMA_BASE_URL": "http://127.0.0.1:1"}, True),
    ],
)
async def test_a_model_words_content_only_where_it_is_named_and_there_are_credentials(
    model: str | None, settings: dict[str, str], there: bool
) -> None:
    texts = language_model(ContentGeneratorSettings(model=model), ModelSettings.model_validate(settings))
    assert (texts is not None) is there
    if texts is not None:
        await texts.close()

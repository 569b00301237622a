"""A question's vectors, by each model that is there, and the models that are away."""

from __future__ import annotations

from connectors.embeddings import Embedded
from connectors.question_vectors import question_vectors
from streams.core.calls import Deferred, Rejected
from tests.connectors.embedders import Embedder


async def test_a_question_is_embedded_once_by_each_model() -> None:
    embedder = Embedder({"small": "small-26", "little": "small-26", "other": "other-26"})
    present = [("other-26", "other"), ("small-26", "little"), ("small-26", "small")]
    asked = await question_vectors(embedder, "tea?", present)
    assert asked.vectors == {"other-26": embedder.vector("tea?"), "small-26": embedder.vector("tea?")}
    assert asked.away == ()
    assert sorted(embedder.asked) == [("little", ("tea?",)), ("other", ("tea?",))]


async def test_a_model_is_away_where_its_names_mean_another_now() -> None:
    embedder = Embedder({"old": "new-26", "still": "kept-26"})
    present = [("gone-26", "old"), ("kept-26", "old"), ("kept-26", "still")]
    asked = await question_vectors(embedder, "tea?", present)
    assert (set(asked.vectors), asked.away) == ({"kept-26"}, ("gone-26",))
    assert embedder.asked == [("still", ("tea?",))], "what would not be compared is not paid"


async def test_a_model_that_refuses_or_hangs_is_away_and_others_are_not() -> None:
    embedder = Embedder()
    embedder.hangs.add("slow")
    asked = await question_vectors(embedder, "tea?", [("quick", "quick"), ("slow", "slow")], seconds=0.01)
    assert (set(asked.vectors), asked.away) == ({"quick"}, ("slow",))
    for refusal in (Rejected("no_model", "none"), Deferred("away", "away"), Embedded("another", ((1.0,),))):
        embedder.refusal = refusal
        assert await question_vectors(embedder, "tea?", [("quick", "quick")]) == ({}, ("quick",))


async def test_a_blank_question_and_no_models_cost_nothing() -> None:
    embedder = Embedder()
    assert await question_vectors(embedder, " \n", [("quick", "quick")]) == ({}, ())
    assert await question_vectors(embedder, "tea?", []) == ({}, ())
    assert embedder.asked == []

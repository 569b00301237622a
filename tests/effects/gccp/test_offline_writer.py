"""The writer without a model: exact, honest, deterministic, in any language."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from mdit_py_plugins.dollarmath import dollarmath_plugin

from connectors.model import Completed, Finished, LanguageModel, usage_of
from domain.calls.completion import PromptMessage
from domain.gccp.course import Assignment, Brief, ChoiceQuestion, ContentMode, Counts, Step, parse_assignment
from domain.gccp.writing.extracts import sentences
from domain.gccp.writing.steps import COVERED_ABOVE, MENDED, compose
from domain.gccp.writing.text import NOTICE, NOTICE_WITHOUT_TRANSCRIPT, TO_STUDY, UNCOVERED, plain
from effects.gccp.offline_writer import CHAT_NOTICE, OfflineWriter
from streams.core.calls import Rejected
from tests.connectors.completions import completion, read

TRANSCRIPT = """
Machine learning is a subset of artificial intelligence that lets computers learn from data. In supervised learning, a
model is trained on labelled examples, so it knows the right answer for every input. A classifier that tells spam from
ordinary mail is a typical supervised model. Unsupervised learning works without labels. Clustering groups similar
customers together, although nobody told the algorithm which groups exist. Neural networks are built from layers of
simple units called neurons. Each neuron multiplies its inputs by weights, adds them up and applies a function.
Training a neural network means adjusting the weights with gradient descent so that the loss becomes smaller.
Overfitting happens when a model memorises the training data and fails on new data.
""".replace("\n", " ")

CHINESE = (
    "机器学习是人工智能的一个分支。监督学习使用带标签的数据来训练模型。神经网络由许多神经元组成。"
    "训练神经网络需要大量数据。模型在新数据上的表现叫做泛化。无监督学习不需要标签。数据质量决定模型质量。"
)
HINDI = (
    "मशीन लर्निंग कृत्रिम बुद्धिमत्ता का एक भाग है। मशीन डेटा से सीखती है। पर्यवेक्षित लर्निंग में लेबल वाला डेटा चाहिए। "
    "तंत्रिका नेटवर्क परतों से बनता है। नेटवर्क का प्रशिक्षण डेटा पर निर्भर है। मॉडल नए डेटा पर परखा जाता है।"
)
NONE = Counts()
SUBTOPICS = ("supervised learning", "neural networks", "ethics")

WORDS = st.text(max_size=40) | st.sampled_from(
    ["Neural networks learn. ", "数据很重要。", "# <b>x</b> $1$ `c` ", "मशीन डेटा। "]
)
TRANSCRIPTS = st.lists(WORDS, max_size=30).map("".join)
FEW = st.integers(0, 12)
BRIEFS = st.builds(
    Brief,
    topic=st.text(max_size=30),
    subtopics=st.lists(st.text(max_size=20), max_size=4).map(tuple),
    mode=st.sampled_from(ContentMode),
    transcript=TRANSCRIPTS,
    counts=st.builds(Counts, mcsc=FEW, mcmc=FEW, subjective=FEW),
    earlier=st.dictionaries(st.sampled_from(Step), st.text(max_size=200) | TRANSCRIPTS, max_size=3),
)


def brief(mode: ContentMode, transcript: str = TRANSCRIPT, counts: Counts = NONE, **earlier: str) -> Brief:
    named = {Step(step): text for step, text in earlier.items()}
    return Brief(
        topic="Machine Learning", subtopics=SUBTOPICS, mode=mode, transcript=transcript, counts=counts, earlier=named
    )


def assignment(transcript: str, counts: Counts) -> Assignment:
    asked = brief(ContentMode.ASSIGNMENT, transcript, counts)
    return parse_assignment(compose(asked, Step.FORMATTING), counts)


def section(text: str, heading: str) -> str:
    return text.partition(f"## {heading}\n\n")[2].partition("\n\n## ")[0]


@settings(max_examples=150, deadline=None)
@given(BRIEFS, st.sampled_from(Step))
def test_every_step_of_any_brief_gives_a_sound_text(asked: Brief, step: Step) -> None:
    text = compose(asked, step)
    assert text == compose(asked, step)
    if asked.mode is ContentMode.ASSIGNMENT and step in (Step.DRAFT_CREATION, Step.REFINEMENT, Step.FORMATTING):
        parse_assignment(text, asked.counts)
    elif step is not Step.REFINEMENT:
        assert text.startswith("# ")


@settings(max_examples=60, deadline=None)
@given(TRANSCRIPTS, st.builds(Counts, mcsc=FEW, mcmc=FEW, subjective=FEW))
def test_an_assignment_has_exactly_the_questions_asked_for_and_none_twice(transcript: str, counts: Counts) -> None:
    made = assignment(transcript, counts)
    assert made.counts() == counts
    assert len({question.model_dump_json() for question in made.questions}) == len(made.questions)


@pytest.mark.parametrize("transcript", ["", "Short.", TRANSCRIPT, CHINESE, HINDI])
@pytest.mark.parametrize("subtopics", [(), SUBTOPICS])
def test_the_largest_assignment_has_no_question_twice(transcript: str, subtopics: tuple[str, ...]) -> None:
    counts = Counts(mcsc=100, mcmc=100, subjective=100)
    asked = Brief(
        topic="Physics", subtopics=subtopics, mode=ContentMode.ASSIGNMENT, transcript=transcript, counts=counts
    )
    made = parse_assignment(compose(asked, Step.FORMATTING), counts)
    choices = [question for question in made.questions if isinstance(question, ChoiceQuestion)]
    unlike = {(choice.type, choice.question, frozenset(o.text for o in choice.options)) for choice in choices}
    assert len(unlike) == 200
    assert len({question.question for question in made.questions if question.type == "subjective"}) == 100


@pytest.mark.parametrize("transcript", [TRANSCRIPT, CHINESE, HINDI])
def test_questions_rest_on_the_transcript_while_it_lasts(transcript: str) -> None:
    made = assignment(transcript, Counts(mcsc=3, mcmc=3, subjective=1))
    assert {question.basis for question in made.questions} == {"transcript"}


def test_a_gap_is_filled_rightly_by_the_right_option_only() -> None:
    said = {sentence.casefold() for sentence in sentences(TRANSCRIPT)}
    for question in assignment(TRANSCRIPT, Counts(mcsc=10)).questions:
        assert isinstance(question, ChoiceQuestion)
        bare = question.question.partition("“")[2].removesuffix("”")
        right = [o.label for o in question.options if bare.replace("_____", o.text).casefold() in said]
        assert tuple(right) == question.answer


def test_the_statements_that_are_right_are_the_ones_the_transcript_makes() -> None:
    said = set(sentences(TRANSCRIPT))
    for question in assignment(TRANSCRIPT, Counts(mcmc=8)).questions:
        assert isinstance(question, ChoiceQuestion)
        assert question.answer == tuple(option.label for option in question.options if option.text in said)


def test_a_changed_term_at_the_beginning_keeps_its_capital() -> None:
    made = assignment(TRANSCRIPT, Counts(mcmc=8))
    texts = [option.text for q in made.questions if isinstance(q, ChoiceQuestion) for option in q.options]
    assert all(text[0].isupper() for text in texts)


def test_a_gap_that_two_sentences_would_share_is_asked_about_once() -> None:
    twins = "Tigers hunt deer near rivers. Wolves hunt deer near rivers. Farmers plant barley while villages sleep."
    made = assignment(twins, Counts(mcsc=40))
    gaps = [question.question for question in made.questions if question.basis == "transcript"]
    assert len(set(gaps)) == len(gaps) == 14


def test_the_right_option_is_not_always_in_one_place() -> None:
    answers = {q.answer for q in assignment(TRANSCRIPT, Counts(mcsc=20)).questions if isinstance(q, ChoiceQuestion)}
    assert len(answers) == 4


def test_without_a_transcript_the_questions_say_that_they_rest_on_the_outline() -> None:
    made = assignment("", Counts(mcsc=2, mcmc=2, subjective=2))
    assert {question.basis for question in made.questions} == {"outline"}
    assert made.notice == NOTICE_WITHOUT_TRANSCRIPT


@pytest.mark.parametrize("mode", [ContentMode.PRE_READ, ContentMode.LECTURE])
def test_a_text_says_how_it_was_made(mode: ContentMode) -> None:
    assert f"> {NOTICE}" in compose(brief(mode), Step.FORMATTING)
    assert f"> {NOTICE_WITHOUT_TRANSCRIPT}" in compose(brief(mode, ""), Step.FORMATTING)


def test_a_section_quotes_what_the_transcript_says_on_its_subject() -> None:
    text = compose(brief(ContentMode.LECTURE), Step.FORMATTING)
    assert "gradient descent" in section(text, "Neural networks")
    assert "labelled examples" in section(text, "Supervised learning")
    assert "Clustering" in section(text, "Further points")


def test_what_the_transcript_does_not_cover_is_called_uncovered() -> None:
    text = compose(brief(ContentMode.LECTURE), Step.FORMATTING)
    assert section(text, "Ethics").startswith(UNCOVERED)
    assert UNCOVERED not in section(text, "Neural networks")


def test_without_a_transcript_every_section_is_tasks() -> None:
    text = compose(brief(ContentMode.PRE_READ, ""), Step.FORMATTING)
    assert text.count(TO_STUDY) == len(SUBTOPICS)
    assert COVERED_ABOVE not in text


def test_nothing_in_a_text_is_said_that_the_transcript_does_not_say() -> None:
    text = compose(brief(ContentMode.LECTURE), Step.DRAFT_CREATION)
    for heading in ("Overview", "Supervised learning", "Neural networks", "Further points"):
        assert set(sentences(section(text, heading))) <= set(sentences(TRANSCRIPT))


LINES = st.text(st.sampled_from("#*_`<>[]()!|~$&\\+-=:.1 aé語\"'{}^/@;") | st.characters(codec="utf-8"), max_size=30)


@pytest.mark.parametrize("place", ["", "# ", "- ", "1. ", "> "])
@given(LINES.map(lambda line: " ".join(line.replace("\x00", "").split())).filter(bool))
@example("F #")
def test_any_line_renders_as_itself_wherever_it_stands(place: str, line: str) -> None:
    markdown = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).use(dollarmath_plugin)
    [inline] = [token for token in markdown.parse(place + plain(line)) if token.type == "inline"]
    assert inline.children is not None
    assert {child.type for child in inline.children} <= {"text"}
    assert "".join(child.content for child in inline.children) == line


def test_markup_in_a_transcript_is_quoted_and_not_rendered() -> None:
    text = compose(brief(ContentMode.PRE_READ, "<script>alert(1)</script> is what the teacher wrote."), Step.FORMATTING)
    assert r"\<script\>alert(1)\</script\> is what" in text
    assert "<script>" not in text


def test_the_analysis_counts_what_each_subtopic_has() -> None:
    text = compose(brief(ContentMode.LECTURE), Step.TOPIC_ANALYSIS)
    assert "- supervised learning: 2 sentences" in text
    assert "- ethics: 0 sentences" in text
    assert "- ethics: tasks to study it by" in text


def test_the_review_finds_what_is_missing_and_what_repeats() -> None:
    draft = "# T\n\n## Supervised learning\n\nIt uses labels. More here.\n\n## Other\n\nIt uses labels."
    text = compose(brief(ContentMode.LECTURE, DraftCreation=draft), Step.REVIEW)
    assert "- No section on neural networks" in text
    assert "- No section on ethics" in text
    assert "supervised learning" not in text
    assert "- In more than one place: 1 sentence" in text


def test_the_review_of_a_sound_draft_finds_nothing() -> None:
    asked = brief(ContentMode.PRE_READ)
    assert compose(asked, Step.REVIEW).endswith("Nothing to mend.")


def test_refinement_mends_what_the_review_finds() -> None:
    draft = "# T\n\n## Supervised learning\n\nIt uses labels. More.\n\n## Other\n\nIt uses labels.\n\n- It uses labels."
    asked = brief(ContentMode.LECTURE, DraftCreation=draft)
    refined = compose(asked, Step.REFINEMENT)
    assert section(refined, "Other") == f"{COVERED_ABOVE}\n\n- It uses labels."
    assert "gradient descent" in section(refined, "Neural networks")
    assert MENDED in refined
    again = brief(ContentMode.LECTURE, DraftCreation=refined)
    assert compose(again, Step.REVIEW).endswith("Nothing to mend.")


def test_an_assignment_a_model_wrote_is_kept_if_it_is_what_was_asked_for() -> None:
    question = {"type": "subjective", "question": "Why does it work?"}
    draft = json.dumps({"topic": "T", "questions": [question]})
    fits = brief(ContentMode.ASSIGNMENT, counts=Counts(subjective=1), DraftCreation=draft)
    assert compose(fits, Step.REVIEW).endswith("Nothing to mend.")
    assert "Why does it work?" in compose(fits, Step.FORMATTING)
    other = brief(ContentMode.ASSIGNMENT, counts=Counts(mcsc=1), DraftCreation=draft)
    assert "Not as asked for: 1 mcsc" in compose(other, Step.REVIEW)
    assert "Why does it work?" not in compose(other, Step.FORMATTING)


def test_formatting_keeps_the_refined_text_and_tidies_it() -> None:
    text = compose(brief(ContentMode.LECTURE, Refinement="Some text.   \n\n\n\nMore."), Step.FORMATTING)
    assert text == "# Machine Learning\n\nSome text.\n\nMore.\n"


async def test_it_answers_a_completion_with_a_brief_for_nothing() -> None:
    writer: LanguageModel = OfflineWriter()
    asked = brief(ContentMode.LECTURE)
    verdict = await writer(completion(brief=asked.model_dump(mode="json"), step=Step.REVIEW), "key-1")
    assert isinstance(verdict, Completed)
    assert verdict.text == compose(asked, Step.REVIEW)
    assert (verdict.model, verdict.stop_reason) == ("offline-writer", "end_turn")
    assert usage_of(verdict).cost_microcents == usage_of(verdict).output_tokens == 0


async def test_it_streams_the_same_text_in_pieces() -> None:
    writer = OfflineWriter()
    asked = completion(brief=brief(ContentMode.PRE_READ).model_dump(mode="json"))
    text, end = await read(writer.stream(asked))
    assert text == compose(brief(ContentMode.PRE_READ), Step.FORMATTING)
    assert isinstance(end, Finished)
    assert not end.usage.estimated
    assert end.provider_id == (await _completed(writer)).provider_id


async def _completed(writer: OfflineWriter) -> Completed:
    verdict = await writer(completion(brief=brief(ContentMode.PRE_READ).model_dump(mode="json")), "key-2")
    assert isinstance(verdict, Completed)
    return verdict


async def test_a_message_without_a_brief_gets_an_outline_and_is_told_that_it_is_no_answer() -> None:
    asked = completion(messages=(PromptMessage(role="user", content="Explain neural networks"),))
    verdict = await OfflineWriter()(asked, "key-1")
    assert isinstance(verdict, Completed)
    assert verdict.text.startswith(f"> {CHAT_NOTICE}")
    assert "# Explain neural networks" in verdict.text


async def test_nothing_is_written_for_an_erased_person() -> None:
    verdict = await OfflineWriter()(completion(messages=None, system=None), "key-1")
    assert isinstance(verdict, Rejected)
    assert verdict.code == "erased"

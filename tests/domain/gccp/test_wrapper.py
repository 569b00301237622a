"""What a model puts around its answer is undone, and nothing of the answer with it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.gccp.wrapper import LONGEST_REMARK, unwrapped

TEXT = "# Sets\n\nA set has elements.\n\n```python\n# a comment\nx = {1}\n```\n\nThat was all."


@pytest.mark.parametrize(
    "wrapped",
    [
        f"```markdown\n{TEXT}\n```",
        f"```md\n{TEXT}\n```\n",
        f"```\n{TEXT}\n```",
        f"~~~markdown\n{TEXT}\n~~~",
        f"````markdown\n{TEXT}\n````",
        f"``` Markdown\n{TEXT}\n```",
        f"```markdown\n{TEXT}",
        f"```markdown\n\n{TEXT}\n\n```",
        f"Here are the notes:\n\n```markdown\n{TEXT}\n```",
        f"Here are the notes:\n\n```markdown\n{TEXT}\n```\n\nTell me if anything is missing!",
        f"Here are the notes:\n\n{TEXT}",
        f"Sure!\n\n**Here** they are.\n\n---\n\n{TEXT}",
        f"<think>\nThe user wants # Sets.\n</think>\n\n{TEXT}",
        f"<think>Hm.</think>Here are the notes:\n\n{TEXT}",
        f"\n\n<thinking>Hm.</thinking>\n```markdown\n{TEXT}\n```",
        f"The user wants sets.\n</think>\n\n{TEXT}",
    ],
)
def test_a_wrapper_is_undone(wrapped: str) -> None:
    assert unwrapped(wrapped, titled=True) == TEXT


@pytest.mark.parametrize(
    "text",
    [
        TEXT,
        f"{TEXT}\n",
        "```python\nx = 1\n```",
        "```\nx = 1\n```",
        "```python\nx = 1\n```\n\n# Title\n\n```python\ny = 2\n```",
        "```markdown\n# An example\n```\n\nProse between.\n\n```python\nx = 1\n```",
        "## No title\n\nText.",
        "Only a paragraph.",
        "Authors\n---\n\n# Title",
        "- an item\n\n# Title",
        "> a quotation\n\n# Title",
        "| a |\n|---|\n\n# Title",
        "$$x$$\n\n# Title",
        f"{'long ' * LONGEST_REMARK}\n\n# Title",
        "An opening.\n\n# Part one\n\n# Part two",
        "# Tags\n\nModels write <think> and </think>.\n</think>\n",
    ],
)
def test_what_belongs_to_the_answer_stays(text: str) -> None:
    assert unwrapped(text, titled=True) == text


def test_notes_need_no_title() -> None:
    assert unwrapped("In short:\n\n# Analysis", titled=False) == "In short:\n\n# Analysis"
    assert unwrapped("```markdown\n- one\n- two\n```", titled=False) == "- one\n- two"


def test_thoughts_without_an_end_leave_nothing() -> None:
    assert unwrapped("<think>\nI have not finished", titled=True) == ""


LINES = st.sampled_from(
    ["# T", "## S", "Words.", "```", "```markdown", "```python", "~~~", "---", "", "- x", "<think>"]
)


@given(st.lists(LINES, max_size=12).map("\n".join), st.booleans())
def test_nothing_is_written_anew(text: str, titled: bool) -> None:
    assert unwrapped(text, titled=titled) in text

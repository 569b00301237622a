"""What the Anthropic connector makes of every status that is not 200."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from streams.core.calls import Deferred, Rejected, Verdict
from tests.connectors.completions import answer_to
from tests.imitations.anthropic import AnthropicServer, error
from tests.imitations.llm_server import Act


@pytest.fixture
async def server() -> AsyncIterator[AnthropicServer]:
    async with AnthropicServer() as running:
        yield running


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "invalid_request_error"),
        (401, "authentication_error"),
        (402, "billing_error"),
        (403, "permission_error"),
        (404, "not_found_error"),
        (413, "request_too_large"),
    ],
)
async def test_a_bad_request_is_rejected_for_good(server: AnthropicServer, status: int, kind: str) -> None:
    verdict = await answer_to(server, Act(status=status, body=error(kind, "No.")))
    assert verdict == Rejected(kind, "No.")


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (409, "conflict_error"),
        (429, "rate_limit_error"),
        (500, "api_error"),
        (504, "timeout_error"),
        (529, "overloaded_error"),
    ],
)
async def test_a_passing_error_is_deferred(server: AnthropicServer, status: int, kind: str) -> None:
    verdict = await answer_to(server, Act(status=status, body=error(kind, "Later.")))
    assert verdict == Deferred(kind, "Later.")


@pytest.mark.parametrize(
    ("headers", "after"),
    [
        ({"retry-after": "17"}, 17.0),
        ({"retry-after": "17", "retry-after-ms": "1500"}, 1.5),
        ({"retry-after": "soon"}, None),
        ({}, None),
    ],
)
async def test_the_wait_that_is_asked_for_is_passed_on(
    server: AnthropicServer, headers: dict[str, str], after: float | None
) -> None:
    verdict = await answer_to(server, Act(429, headers, error("rate_limit_error", "Slow down.")))
    assert verdict == Deferred("rate_limit_error", "Slow down.", after)


async def test_a_spend_limit_is_not_tried_against(server: AnthropicServer) -> None:
    body = error("rate_limit_error", "Spend limit reached.", error_code="enforced_spend_limit_reached")
    assert await answer_to(server, Act(429, {}, body)) == Rejected(
        "enforced_spend_limit_reached", "Spend limit reached."
    )


async def test_a_spend_limit_with_a_wait_is_waited_for(server: AnthropicServer) -> None:
    body = error("rate_limit_error", "Spend limit reached.", error_code="enforced_spend_limit_reached")
    verdict = await answer_to(server, Act(429, {"retry-after": "60"}, body))
    assert verdict == Deferred("rate_limit_error", "Spend limit reached.", 60.0)


@pytest.mark.parametrize(("said", "kind"), [("true", Deferred), ("false", Rejected)])
async def test_the_providers_own_word_on_trying_again_counts(
    server: AnthropicServer, said: str, kind: type[Verdict]
) -> None:
    for status in (400, 529):
        verdict = await answer_to(server, Act(status, {"x-should-retry": said}, error("x_error", "Hm.")))
        assert isinstance(verdict, kind)


@pytest.mark.parametrize("body", ["<html>Bad gateway</html>", "", "[]", "null"])
async def test_an_error_that_is_no_json_keeps_its_status(server: AnthropicServer, body: str) -> None:
    verdict = await answer_to(server, Act(502, {}, body))
    assert verdict == Deferred("http_502", "Anthropic answered 502")


async def test_an_error_of_another_shape_keeps_its_words(server: AnthropicServer) -> None:
    verdict = await answer_to(server, Act(502, {}, {"error": "the gateway is down"}))
    assert verdict == Deferred("http_502", "the gateway is down")


async def test_a_redirect_is_not_followed(server: AnthropicServer) -> None:
    verdict = await answer_to(server, Act(307, {"location": f"{server.url}/v1/messages"}, ""))
    assert verdict == Rejected("http_307", "Anthropic answered 307")
    assert len(server.received) == 1

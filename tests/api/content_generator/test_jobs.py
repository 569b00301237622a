"""Jobs from a document to their channels: partial, retried, unconfirmed, scheduled, cancelled, told by webhook."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import timedelta

from tests.api.content_generator.world import DOCUMENT, WHILE_LOOKED_FOR, World
from tests.imitations import dropping, failing
from tests.imitations.webhook_sink import SECRET

EVERYWHERE = ("email", "website", "twitter", "linkedin", "facebook")


def posts(here: World) -> list[int]:
    """How many posts each network has."""
    return [len(network.posts) for network in (here.x, here.linkedin, here.facebook)]


def test_a_document_goes_to_every_channel(here: World) -> None:
    job = here.job(here.sync(*EVERYWHERE))
    assert (job["status"], job["errors"]) == ("completed", [])
    assert job["results"]["email"] | {"job_id": ""} == {"status": "sent", "recipients": 1, "job_id": ""}
    assert job["results"]["website"]["status"] == "published"
    assert posts(here) == [1, 1, 1]
    assert here.crm.mailed == ["reader1@example.com"]
    assert [page.content["title"] for page in here.platform.journal.received] == ["The March letter"]


def test_a_retry_delivers_only_what_one_network_refused(here: World) -> None:
    here.facebook.behave(failing(400, "100"))
    first = here.sync(*EVERYWHERE)
    job = here.job(first)
    assert (job["status"], [error["channel"] for error in job["errors"]]) == ("partial", ["facebook"])
    assert posts(here) == [1, 1, 0]
    again = here.job(here.retry(first))
    assert (again["status"], again["errors"]) == ("completed", [])
    assert posts(here) == [1, 1, 1]
    assert len(here.crm.mailed) == 1
    assert len(here.platform.journal.received) == 1
    assert here.ask("POST", f"/v2/jobs/{first}/retry").status_code == 400


def test_a_post_without_an_answer_is_repeated_by_a_persons_word_alone(here: World) -> None:
    here.x.behave(dropping(recorded=False))
    first = here.sync("twitter", "website")
    here.product.advance(WHILE_LOOKED_FOR)
    job = here.job(first)
    assert (job["status"], job["results"]["twitter"]["status"]) == ("partial", "unconfirmed")
    refused = here.ask("POST", f"/v2/jobs/{first}/retry")
    assert (refused.status_code, refused.json()["error"]) == (400, "validation_error")
    assert posts(here)[0] == 0
    again = here.job(here.retry(first, repeat_unconfirmed=True))
    assert (again["status"], again["results"]["twitter"]["status"]) == ("completed", "posted")
    assert posts(here)[0] == 1
    assert len(here.platform.journal.received) == 1


def test_a_post_that_is_found_was_delivered(here: World) -> None:
    here.x.behave(dropping(recorded=True))
    job_id = here.sync("twitter")
    here.product.advance(WHILE_LOOKED_FOR)
    assert here.job(job_id)["results"]["twitter"]["status"] == "posted"
    assert posts(here)[0] == 1


def test_a_scheduled_job_waits_for_its_time_and_a_cancelled_one_never_goes(here: World) -> None:
    due = (here.product.clock.now() + timedelta(hours=2)).isoformat()
    kept, dropped = (here.sync("website", schedule_time=due) for _ in range(2))
    assert here.job(kept)["status"] == "pending"
    assert here.ok("POST", f"/v2/jobs/{dropped}/cancel")["status"] == "failed"
    here.product.advance(timedelta(hours=3))
    assert here.job(kept)["status"] == "completed"
    cancelled = here.job(dropped)
    assert (cancelled["status"], [error["code"] for error in cancelled["errors"]]) == ("failed", ["cancelled"])
    assert len(here.platform.journal.received) == 1
    assert here.ask("POST", f"/v2/jobs/{kept}/cancel").status_code == 400


def test_a_repeat_under_one_key_is_answered_as_the_request_was(here: World) -> None:
    here.crm.behave(failing(422))
    sent = here.ok("POST", "/v1/newsletter/send", {"subject": "News", "html_content": "<p>News</p>"})
    here.product.settle()
    body = {"document_id": DOCUMENT, "channels": ["website"]}
    for path, given in (("/v2/content/sync", body), (f"/v2/jobs/{sent['job_id']}/retry", None)):
        answers = []
        for _ in range(2):
            answers.append(here.ask("POST", path, given, key=path))
            here.product.advance(timedelta(minutes=1))
        assert [answer.status_code for answer in answers] == [200, 200]
        assert answers[0].json() == answers[1].json()
    assert len(here.platform.journal.received) == 1


def test_a_webhook_says_what_the_job_says_and_its_signature_can_be_verified(here: World) -> None:
    job = here.job(here.sync("email", "website"))
    told = {received.content["event"]: dict(received.content) for received in here.sink.journal.wait_for(3)}
    assert set(told) == {"job.completed", "email.sent", "content.published"}
    content = told["job.completed"]
    signature = content.pop("signature")
    signed = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert signature == hmac.new(SECRET.encode(), signed.encode(), hashlib.sha256).hexdigest()
    assert content["timestamp"] == job["completed_at"]
    assert {name: job[name] for name in ("job_id", "status", "results")}.items() <= content["data"].items()
    assert content["data"]["channels"] == ["email", "website"]


def test_tenants_are_kept_apart(here: World) -> None:
    job_id = here.sync("website")
    content_id = here.job(job_id)["results"]["website"]["content_id"]
    total = here.ok("GET", "/v2/jobs", tenant="other")["total"]
    assert total == 0
    for method, path in (
        ("GET", f"/v2/jobs/{job_id}"),
        ("GET", f"/v2/jobs/{job_id}/explanation"),
        ("POST", f"/v2/jobs/{job_id}/retry"),
        ("POST", f"/v2/jobs/{job_id}/cancel"),
        ("GET", f"/v2/platform/content/{content_id}/metrics"),
        ("POST", f"/v2/platform/content/{content_id}/publish"),
        ("GET", "/v2/analytics/recipients/reader1@example.com"),
    ):
        refused = here.ask(method, path, tenant="other")
        assert (path, refused.status_code, refused.json()["error"]) == (path, 404, "not_found")
    assert here.job(job_id)["status"] == "completed"


def test_a_draft_is_published_once(here: World) -> None:
    page = {"title": "Page", "content": "<p>Text</p>", "category": "news", "status": "draft"}
    draft = here.ok("POST", "/v2/platform/publish", page)
    assert (draft["status"], draft["published_at"]) == ("draft", None)
    assert here.platform.journal.received == []
    published = here.ok("POST", f"/v2/platform/content/{draft['content_id']}/publish")
    assert (published["status"], published["content_id"]) == ("published", draft["content_id"])
    assert len(here.platform.journal.received) == 1
    assert here.ask("POST", f"/v2/platform/content/{draft['content_id']}/publish").status_code == 400


def test_a_page_that_the_platform_refuses_is_said_to_be_refused(here: World) -> None:
    here.platform.behave(failing(422))
    refused = here.ask("POST", "/v2/platform/publish", {"title": "Page", "content": "<p>Text</p>"})
    assert (refused.status_code, refused.json()["error"]) == (502, "publish_failed")

"""The sandboxes of posts, newsletters and pages: files in the outbox, while no provider is configured."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from connectors.crm import Addressee, Audience, AudiencePage, CampaignBatch, ReportPage
from connectors.platform import Page, PageMetrics
from connectors.sandbox import SandboxSocial, forget
from connectors.sandbox_crm import SEGMENT, SUBSCRIBERS, SandboxCrm
from connectors.sandbox_platform import SandboxPlatform
from domain.calls.social_post import Network, SocialPost
from streams.core.calls import Accepted, Deferred, Listed, Rejected

MakePost = Callable[..., SocialPost]
BATCH = CampaignBatch(
    campaign_id="campaign-1",
    batch=1,
    subject_line="News",
    html="<p>Grüße</p>",
    text="Grüße",
    recipients=(
        Addressee("s-1", "ada@acme.example", "content_generator:m1"),
        Addressee("s/2", "ben@acme.example", "content_generator:m2"),
    ),
)
PAGE = Page("content-1", "Breathe", "breathe", "<p>In, out.</p>", "updates")


@pytest.fixture
def outbox(tmp_path: Path) -> Path:
    return tmp_path / "outbox"


def files(outbox: Path) -> Mapping[str, dict[str, object]]:
    """The files of the outbox by name."""
    return {path.name: json.loads(path.read_text("utf-8")) for path in outbox.iterdir()}


async def test_a_post_becomes_a_file_and_is_found_again(outbox: Path, a_post: MakePost) -> None:
    social, now = SandboxSocial(outbox), datetime.now(UTC)
    assert await social.find(a_post(), now) == Listed()
    assert await social(a_post("Grüße"), "post-1") == Accepted("sandbox-post-1", {"url": None})
    assert files(outbox) == {
        "post-post-1.json": {
            "effect": "social_post.v1",
            "subject": None,
            "key": "post-1",
            "provider_id": "sandbox-post-1",
            "network": "twitter",
            "text": "Grüße",
            "reference": "post-1",
        }
    }
    assert await social.find(a_post(), now) == Listed(("sandbox-post-1",))
    assert await social.find(a_post(network=Network.LINKEDIN), now) == Listed()
    await social.close()


async def test_the_demo_audience_can_be_filtered_and_read_page_by_page(outbox: Path) -> None:
    crm = SandboxCrm(outbox)
    assert await crm.count(Audience()) == 3
    assert await crm.count(Audience(SEGMENT, ("newsletter",))) == 3
    assert await crm.count(Audience(tags=("newsletter", "beta"))) == 1
    assert await crm.count(Audience("nobody")) == 0
    assert await crm.page(Audience(), 2, None) == AudiencePage(SUBSCRIBERS[:2], 3, "2")
    assert await crm.page(Audience(), 2, "2") == AudiencePage(SUBSCRIBERS[2:], 3, None)
    assert all(one.active for one in SUBSCRIBERS)
    assert await crm.healthy()
    await crm.close()


async def test_a_newsletter_becomes_a_file_with_its_words_and_one_for_each_recipient(outbox: Path) -> None:
    crm = SandboxCrm(outbox)
    verdict = await crm.send(BATCH, "campaign-1/1")
    assert verdict == Accepted("sandbox-campaign-1/1", {"accepted": 2, "status": "sent"})
    assert await crm.send(BATCH, "campaign-1/1") == verdict
    written = files(outbox)
    assert set(written) == {
        "campaign-campaign-1%2F1.json",
        "newsletter-campaign-1%2F1-s-1.json",
        "newsletter-campaign-1%2F1-s%2F2.json",
    }
    assert written["campaign-campaign-1%2F1.json"]["html"] == "<p>Grüße</p>"
    assert written["newsletter-campaign-1%2F1-s-1.json"]["to"] == "ada@acme.example"
    assert await crm.events("campaign-1", "7") == ReportPage((), "7")


@pytest.mark.parametrize("test", [True, False])
async def test_a_test_mail_is_marked(outbox: Path, test: bool) -> None:
    await SandboxCrm(outbox).send(replace(BATCH, test=test), "key-1")
    assert [one["test"] for one in files(outbox).values()] == [test] * 3


async def test_an_erased_recipients_letter_is_forgotten_and_no_other(outbox: Path) -> None:
    await SandboxCrm(outbox).send(BATCH, "key-1")
    forget(outbox, "content_generator:m1")
    assert set(files(outbox)) == {"campaign-key-1.json", "newsletter-key-1-s%2F2.json"}
    assert "ada@" not in "".join(path.read_text("utf-8") for path in outbox.iterdir())


async def test_a_page_becomes_a_file_that_has_been_seen_by_nobody(outbox: Path) -> None:
    platform = SandboxPlatform(outbox)
    assert await platform.metrics("sandbox-content-1") == Rejected("not_found", "there is no such page in the outbox")
    verdict = await platform.publish(PAGE, "key-1")
    assert isinstance(verdict, Accepted)
    assert verdict.provider_id == "sandbox-content-1"
    assert verdict.output == {"url": None, "status": "published", "version": None, "published_at": None}
    assert files(outbox)["page-content-1.json"]["content"] == "<p>In, out.</p>"
    assert await platform.metrics("sandbox-content-1") == PageMetrics(0, 0, 0.0, 0.0, 0, 0)
    assert await platform.healthy()
    await platform.close()


async def test_an_outbox_that_cannot_be_used_defers(tmp_path: Path, a_post: MakePost) -> None:
    (tmp_path / "outbox").write_text("in the way")
    outbox = tmp_path / "outbox"
    assert isinstance(await SandboxSocial(outbox)(a_post(), "key-1"), Deferred)
    assert isinstance(await SandboxCrm(outbox).send(BATCH, "key-1"), Deferred)
    assert isinstance(await SandboxPlatform(outbox).publish(PAGE, "key-1"), Deferred)


async def test_an_outbox_that_cannot_be_read_defers(outbox: Path, a_post: MakePost) -> None:
    (outbox / "post-1.json").mkdir(parents=True)
    (outbox / "page-1.json").mkdir()
    assert isinstance(await SandboxSocial(outbox).find(a_post(), datetime.now(UTC)), Deferred)
    assert isinstance(await SandboxPlatform(outbox).metrics("sandbox-1"), Deferred)

"""Documents, generations and pinned contents, from a real database behind the real engine."""

from __future__ import annotations

from datetime import timedelta

from commands.content_generator.generation import RequestGeneration
from commands.content_generator.publication import WantedStatus
from commands.content_generator.summary import GenerateSummary
from domain.calls.document import FetchDocument, Source
from domain.content_generator.composed import SessionFacts
from domain.content_generator.document import DocumentFetchRequested
from domain.content_generator.generation import GenerationPhase
from domain.content_generator.kinds import Channel, Options, TemplateName
from projections.content_generator.contents import Owner, pinned_content
from projections.content_generator.document_fetches import ended_fetch
from projections.content_generator.document_versions import document_version
from projections.content_generator.generations import generation_by_id
from projections.content_generator.queries.jobs import job_by_id, jobs_page
from projections.content_generator.summaries import summary_by_id, summary_exists
from streams.core.calls import Accepted, Rejected
from tests.projections.content_generator.examples import NEWSLETTER, PAGE, ROOT, fetch, newsletter, page, sync
from tests.projections.content_generator.running import DOCUMENT, NOW, TENANT, Running


def generation(source: Source | None = Source.NOTION) -> RequestGeneration:
    return RequestGeneration(
        at=NOW,
        generation_id="g1",
        tenant=TENANT,
        source=source,
        document="document-key",
        document_id="page",
        channels=(Channel.EMAIL,),
        template=TemplateName.PLAIN,
        custom_data={},
        fresh_seconds=60,
    )


async def test_a_fetch_ends_with_the_version_that_it_found(world: Running) -> None:
    outcome = await world.do(fetch())
    (requested,) = outcome.events
    assert isinstance(requested, DocumentFetchRequested)
    await world.settle()
    found = await ended_fetch(world.connection, "document-key", requested.fetch)
    assert found is not None
    assert (found.version, found.code) == (1, None)
    version = await document_version(world.connection, "document-key", 1)
    assert version is not None
    assert (version.content, version.fetched_at) == (DOCUMENT, NOW)


async def test_an_unchanged_document_keeps_its_version_and_a_changed_one_gets_another(world: Running) -> None:
    changed = DOCUMENT.model_copy(update={"title": "Other"})
    await world.finish(fetch())
    await world.finish(fetch())
    world.providers[FetchDocument].verdicts.append(Accepted("v2", changed.model_dump(mode="json")))
    await world.finish(fetch())
    rows = [await ended_fetch(world.connection, "document-key", number) for number in (1, 2, 3)]
    assert [row and row.version for row in rows] == [1, 1, 2]
    version = await document_version(world.connection, "document-key", 2)
    assert version is not None
    assert (version.content.title, version.source_version) == ("Other", "v2")
    assert await ended_fetch(world.connection, "document-key", 4) is None


async def test_a_fetch_without_content_says_why(world: Running) -> None:
    world.providers[FetchDocument].verdicts.append(Rejected("forbidden", "it is not shared"))
    await world.finish(fetch())
    found = await ended_fetch(world.connection, "document-key", 1)
    assert found is not None
    assert (found.version, found.code, found.reason) == (None, "forbidden", "it is not shared")


async def test_a_generation_is_over_with_its_content(world: Running) -> None:
    await world.finish(generation())
    found = await generation_by_id(world.connection, TENANT, "g1")
    assert found is not None
    assert (found.phase, found.version, found.code) == (GenerationPhase.OVER, 1, None)
    content = await pinned_content(world.connection, Owner.GENERATION, "g1")
    assert content is not None
    assert content.content == {"title": "News"}
    assert await generation_by_id(world.connection, "another", "g1") is None


async def test_a_generation_of_a_document_that_cannot_be_had_is_over_without_content(world: Running) -> None:
    world.providers[FetchDocument].verdicts.append(Rejected("not_found", "there is none"))
    await world.finish(generation())
    found = await generation_by_id(world.connection, TENANT, "g1")
    assert found is not None
    assert (found.phase, found.code, found.reason) == (GenerationPhase.OVER, "not_found", "there is none")
    assert await pinned_content(world.connection, Owner.GENERATION, "g1") is None


async def test_a_job_pins_its_content_with_its_options_under_its_root(world: Running) -> None:
    await world.finish(sync(Channel.WEBSITE, options=Options(seo_optimize=False)))
    found = await pinned_content(world.connection, Owner.JOB, ROOT)
    assert found is not None
    assert (found.content, found.document, found.version) == ({"title": "News"}, "document-key", 1)
    assert found.options == Options(seo_optimize=False)


async def test_a_newsletter_and_a_page_pin_what_was_given_with_the_request(world: Running) -> None:
    await world.finish(newsletter(), page(WantedStatus.DRAFT))
    mail = await pinned_content(world.connection, Owner.CAMPAIGN, NEWSLETTER)
    assert mail is not None
    assert mail.content == {"subject": "News", "html": "<p>News</p>", "text": "News"}
    draft = await pinned_content(world.connection, Owner.PUBLICATION, "content-1")
    assert draft is not None
    assert draft.content == PAGE.model_dump(mode="json")


async def test_a_summary_that_goes_out_has_a_job_that_can_be_read_and_is_not_listed(world: Running) -> None:
    facts = SessionFacts(
        title="Morning", content="Calm", session_id="morning-001", session_duration=60, participant_count=2
    )
    await world.finish(
        GenerateSummary(
            at=NOW,
            content_id="summary-1",
            tenant=TENANT,
            facts=facts,
            channels=(Channel.WEBSITE,),
            published=True,
            content={"title": "Morning"},
            publish=True,
            root=ROOT,
            correlation_id="c",
            requested_by="ana",
        )
    )
    found = await summary_by_id(world.connection, TENANT, "summary-1")
    assert found is not None
    assert (found.facts, found.channels, found.root, found.published_at) == (facts, (Channel.WEBSITE,), ROOT, NOW)
    assert await summary_exists(world.connection, TENANT, "morning-001")
    assert not await summary_exists(world.connection, "another", "morning-001")
    job = await job_by_id(world.connection, TENANT, f"sync-job-{ROOT}")
    assert job is not None
    assert job.status == "completed"
    assert await jobs_page(world.connection, TENANT) == ([], 0)
    pinned = await pinned_content(world.connection, Owner.SUMMARY, "summary-1")
    assert pinned is not None
    assert pinned.content == {"title": "Morning"}
    await world.settle(timedelta(minutes=2))

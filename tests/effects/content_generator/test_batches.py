"""Batches: pinned content, to those who want it now; put off while rows may lack anybody's word."""

from __future__ import annotations

from functools import partial
from typing import Any

from commands.content_generator.effects import SendBatch
from commands.content_generator.recipient import Unsubscribe
from content.content_generator.links import MailLinks
from domain.content_generator.recipient import UnsubscribeSource
from effects.content_generator.batches import FOR_THE_CRM, BatchContent, CrmBatches, MailedBatches
from effects.lookup import AWAY, BEHIND
from projections.content_generator.recipients import RECIPIENTS
from streams.core.calls import Accepted, Rejected
from streams.core.secrets import Secrets
from streams.core.wiring import EraseSubject
from tests.effects.content_generator.providers import NOWHERE, NotingCrm, NotingMail, performed
from tests.projections.content_generator.examples import NEWSLETTER, newsletter
from tests.projections.content_generator.running import NOW, Running

MAC = Secrets(bytes(32)).mac
SENT = {"accepted": 3, "suppressed": 0}


async def ordered(world: Running, **more: Any) -> SendBatch:
    """The effect of a newsletter to Ana, Bea and Cleo, as the engine made it."""
    seen: list[SendBatch] = []

    def answer(effect: SendBatch) -> Accepted:
        seen.append(effect)
        return Accepted("b", SENT)

    world.providers[SendBatch].answer = answer
    await world.finish(newsletter(**more))
    return seen[0]


def by_crm(dsn: str, crm: NotingCrm, tests: NotingCrm | None = None) -> CrmBatches:
    return CrmBatches(BatchContent(dsn), crm, tests or NotingCrm())


def by_mail(dsn: str, mail: NotingMail, tests: NotingMail | None = None) -> MailedBatches:
    return MailedBatches(
        BatchContent(dsn), mail, tests or NotingMail(), partial(MailLinks, MAC, "https://news.example")
    )


async def unsubscribe(world: Running, *names: str) -> None:
    for name in names:
        await world.do(Unsubscribe(at=NOW, mark=f"mark-{name}", source=UnsubscribeSource.LINK))


async def test_a_batch_goes_out_with_pinned_words_under_the_key_of_the_batch(world: Running, database: str) -> None:
    effect, crm = await ordered(world), NotingCrm()
    verdict = await performed(by_crm(database, crm), effect)
    assert verdict == Accepted("crm-1", SENT)
    ((sent, key),) = crm.sent
    assert key == f"{NEWSLETTER}/1"
    assert (sent.subject_line, sent.html, sent.text, sent.test) == ("News", "<p>News</p>", "News", False)
    assert [one.address for one in sent.recipients] == [f"{name}@example.com" for name in ("ana", "bea", "cleo")]
    assert sent.recipients[0].subject == "content_generator:mark-ana"


async def test_who_unsubscribed_or_was_erased_since_is_left_out_at_every_batch(world: Running, database: str) -> None:
    effect, crm = await ordered(world), NotingCrm()
    await unsubscribe(world, "ana")
    await world.do(EraseSubject(at=NOW, partition_key="mark-bea", erased="content_generator:mark-bea"))
    assert await performed(by_crm(database, crm), effect) == Accepted("crm-1", {"accepted": 1, "suppressed": 2})
    assert [one.id for one in crm.sent[0][0].recipients] == ["mark-cleo"]


async def test_a_batch_in_which_nobody_is_left_is_answered_without_a_call(world: Running, database: str) -> None:
    effect, crm = await ordered(world), NotingCrm()
    await unsubscribe(world, "ana", "bea", "cleo")
    nobody = Accepted(NEWSLETTER, {"accepted": 0, "suppressed": 3})
    assert await performed(by_crm(database, crm), effect) == nobody
    assert await performed(by_mail(database, NotingMail()), effect) == nobody
    assert crm.sent == []


async def test_rows_that_do_not_cover_the_position_are_waited_for(world: Running, database: str) -> None:
    effect, crm = await ordered(world), NotingCrm()
    ahead = effect.model_copy(update={"position": effect.position + 1000})
    assert await performed(by_crm(database, crm), ahead) == BEHIND
    assert crm.sent == []


async def test_a_halted_table_of_wishes_holds_the_batch_up(world: Running, database: str) -> None:
    effect, crm = await ordered(world), NotingCrm()
    halt = "update headwater.projections set halted_at = %s, error = 'broken' where name = %s"
    await world.connection.execute(halt, ("0/1", RECIPIENTS.name))
    assert await performed(by_crm(database, crm), effect) == BEHIND
    await world.connection.execute(halt, (None, RECIPIENTS.name))
    assert isinstance(await performed(by_crm(database, crm), effect), Accepted)


async def test_a_database_that_is_away_puts_the_batch_off(world: Running) -> None:
    effect, crm = await ordered(world), NotingCrm()
    assert await performed(by_crm(NOWHERE, crm), effect) == AWAY
    assert crm.sent == []


async def test_a_test_leaves_nothing_out_to_the_crm(world: Running, database: str) -> None:
    effect, crm, tests = await ordered(world, test_mode=True), NotingCrm(), NotingCrm()
    assert effect.test_mode
    await performed(by_crm(database, crm, tests), effect)
    assert (len(crm.sent), [batch.test for batch, _ in tests.sent]) == (0, [True])
    mail, outbox = NotingMail(), NotingMail()
    await unsubscribe(world, "ana", "bea")
    await performed(by_mail(database, mail, outbox), effect)
    assert (len(mail.sent), len(outbox.sent)) == (0, 1)


async def test_a_refused_batch_says_why(world: Running, database: str) -> None:
    effect, refused = await ordered(world), Rejected("quota", "enough for today")
    assert await performed(by_crm(database, NotingCrm(refused)), effect) == refused


async def test_a_mailed_batch_is_one_person_with_a_link_to_unsubscribe(world: Running, database: str) -> None:
    effect, mail = await ordered(world, html='<p><a href="https://a.example/">News</a></p>'), NotingMail()
    await unsubscribe(world, "ana", "bea")
    assert await performed(by_mail(database, mail), effect) == Accepted("mail-1", {"accepted": 1, "suppressed": 2})
    ((sent, key),) = mail.sent
    links = MailLinks(MAC, "https://news.example", "mark-cleo", NEWSLETTER)
    assert (sent.to, sent.recipient_id, key) == ("cleo@example.com", "mark-cleo", f"{NEWSLETTER}/1")
    assert (sent.headers or {})["List-Unsubscribe"] == f"<{links.unsubscribe}>"
    for address in (links.unsubscribe, links.click("https://a.example/"), links.pixel):
        assert f'"{address}"' in (sent.html or "")
    assert sent.text == f"News\n\nUnsubscribe: {links.unsubscribe}"


async def test_a_batch_of_several_is_not_mailed_to_one_of_them(world: Running, database: str) -> None:
    effect, mail = await ordered(world), NotingMail()
    assert await performed(by_mail(database, mail), effect) == FOR_THE_CRM
    assert mail.sent == []

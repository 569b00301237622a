"""The sending of a campaign's batches: pinned content, to those who want it at this moment."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from psycopg import AsyncConnection

from commands.content_generator.effects import SendBatch
from connectors.crm import Addressee, CampaignBatch, Crm
from content.content_generator.links import MailLinks
from content.content_generator.mail_html import mail_html
from domain.calls.email import Email
from domain.content_generator.composed import Composed
from effects.lookup import BEHIND, read
from projections.content_generator.contents import Owner, pinned_content
from projections.content_generator.queries.batch import Batch, batch_of
from projections.content_generator.queries.coverage import covers
from streams.core.calls import Accepted, Connector, Deferred, Rejected, Verdict
from streams.core.read_models import Row
from streams.postgres.reads import Reads

FOR_THE_CRM = Rejected("mailer", "this batch was made for the CRM, whose setting has changed since")
"""A batch of several people: one mail would go to one of them, and count for all."""


class _Letter(NamedTuple):
    subject_line: str
    html: str
    text: str


class BatchContent:
    """Loads what a batch is made of. `load` gives the letter and the recipients, or why they are not there."""

    def __init__(self, dsn: str) -> None:
        self._reads = Reads(dsn, size=4)

    async def load(self, effect: SendBatch) -> tuple[_Letter, Batch] | Deferred | Rejected:
        async def query(connection: AsyncConnection[Row]) -> tuple[_Letter, Batch] | Deferred | Rejected:
            letter = await _letter(connection, effect)
            if letter is None or not await covers(connection, effect.partition, effect.position):
                return BEHIND
            return letter, await batch_of(connection, effect.campaign_id, effect.round, effect.batch)

        return await read(self._reads, query)

    async def close(self) -> None:
        await self._reads.close()


async def _letter(connection: AsyncConnection[Row], effect: SendBatch) -> _Letter | None:
    owner, id_ = (Owner.CAMPAIGN, effect.campaign_id) if effect.root is None else (Owner.JOB, effect.root)
    pinned = await pinned_content(connection, owner, id_)
    if pinned is None:
        return None
    if owner is Owner.CAMPAIGN:
        return _Letter(*(str(pinned.content[part] or "") for part in ("subject", "html", "text")))
    mail = Composed.model_validate(pinned.content).email
    return None if mail is None else _Letter(mail.subject, mail.html, mail.text)


class CrmBatches:
    """Sends batches by the CRM; in test mode without test recipients, by `sandbox`."""

    idempotent = True

    def __init__(self, content: BatchContent, crm: Crm, tests: Crm) -> None:
        self._content = content
        self._crm = crm
        self._tests = tests
        self.provider = crm.provider

    async def __call__(self, effect: SendBatch, key: str) -> Verdict:
        found = await self._content.load(effect)
        if isinstance(found, Deferred | Rejected):
            return found
        letter, batch = found
        if not batch.addressees:
            return Accepted(effect.campaign_id, {"accepted": 0, "suppressed": batch.suppressed})
        crm = self._tests if effect.test_mode else self._crm
        verdict = await crm.send(_campaign(effect, letter, batch), f"{effect.campaign_id}/{effect.batch}")
        return _with_suppressed(verdict, batch)

    async def close(self) -> None:
        await self._content.close()
        await self._crm.close()
        await self._tests.close()


def _campaign(effect: SendBatch, letter: _Letter, batch: Batch) -> CampaignBatch:
    recipients = tuple(
        Addressee(id=one.mark, address=one.address, subject=f"content_generator:{one.mark}") for one in batch.addressees
    )
    return CampaignBatch(
        campaign_id=effect.campaign_id,
        batch=effect.batch,
        subject_line=letter.subject_line,
        html=letter.html,
        text=letter.text,
        recipients=recipients,
        test=effect.test_mode,
    )


def _with_suppressed(verdict: Verdict, batch: Batch) -> Verdict:
    if not isinstance(verdict, Accepted):
        return verdict
    taken = (verdict.output or {}).get("accepted", len(batch.addressees))
    return Accepted(verdict.provider_id, {"accepted": taken, "suppressed": batch.suppressed})


class MailedBatches:
    """Sends batches by the product's own e-mail connector: a batch is one person, with an unsubscribe link (RFC 8058).

    `links` gives the addresses in a mail by mark and campaign.
    """

    def __init__(
        self,
        content: BatchContent,
        mail: Connector[Email],
        tests: Connector[Email],
        links: Callable[[str, str], MailLinks],
    ) -> None:
        self._content = content
        self._mail = mail
        self._tests = tests
        self._links = links
        self.provider = mail.provider
        self.idempotent = mail.idempotent

    async def __call__(self, effect: SendBatch, key: str) -> Verdict:
        found = await self._content.load(effect)
        if isinstance(found, Deferred | Rejected):
            return found
        letter, batch = found
        if not batch.addressees:
            return Accepted(effect.campaign_id, {"accepted": 0, "suppressed": batch.suppressed})
        if len(batch.addressees) > 1:
            return FOR_THE_CRM
        mail = self._tests if effect.test_mode else self._mail
        verdict = await mail(self._email(effect, letter, batch), f"{effect.campaign_id}/{effect.batch}")
        return _with_suppressed(verdict, batch)

    async def close(self) -> None:
        await self._content.close()
        await self._mail.close()
        await self._tests.close()

    def _email(self, effect: SendBatch, letter: _Letter, batch: Batch) -> Email:
        recipient = batch.addressees[0]
        links = self._links(recipient.mark, effect.campaign_id)
        return Email(
            context="content_generator",
            recipient_id=recipient.mark,
            reference=f"{effect.campaign_id}/{effect.batch}",
            to=recipient.address,
            subject_line=letter.subject_line,
            html=mail_html(letter.html, links),
            text=f"{letter.text}\n\nUnsubscribe: {links.unsubscribe}",
            headers={
                "List-Unsubscribe": f"<{links.unsubscribe}>",
                "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
            },
        )

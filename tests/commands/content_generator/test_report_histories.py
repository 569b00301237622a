"""Reports that are pushed, polled and repeated in any order count once."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any
from uuid import uuid5

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from commands.content_generator.campaign_reactions import report_key
from commands.content_generator.effects import ReadReports
from commands.content_generator.recipient import RecordReport, ReportKind
from commands.content_generator.reports import RequestReports
from commands.content_generator.wiring import CONTENT_GENERATOR
from domain.content_generator.recipient import (
    RecipientBounced,
    RecipientComplained,
    RecipientDelivered,
    RecipientLinkClicked,
    RecipientOpened,
    RecipientUnsubscribed,
)
from streams.core.calls import Accepted, Verdict
from streams.core.clock import ManualClock
from streams.postgres.tasks import keyed_task_id
from streams.testing import MemoryRuntime
from tests.commands.content_generator.campaigns import of_job, page_reply
from tests.commands.content_generator.stories import CAMPAIGN_ID, NOW, accepted

REPORTS = st.lists(
    st.tuples(st.sampled_from(["ann", "ben"]), st.sampled_from(list(ReportKind)), st.booleans()),
    min_size=1,
    max_size=12,
)
"""Who, what and whether a machine did it; a report's place in the list is its id."""

Line = tuple[str, ReportKind, bool]


class Crm:
    """The CRM's reports, polled three at a time."""

    def __init__(self, reports: list[Line]) -> None:
        self.reports = reports
        self.runtime = MemoryRuntime([CONTENT_GENERATOR], ManualClock(NOW), partitions=1)
        for command in (of_job(), accepted(page_reply(), {"recipients": []})):
            self.runtime.do(command, CONTENT_GENERATOR.name)
        self.rewound: int | None = None
        self.runtime.run_due(self._perform)

    def push(self, number: int) -> None:
        """As the edge does: under the id of the command that a timer of this report submits."""
        id_ = f"r{number % len(self.reports)}"
        mark, kind, machine = self.reports[number % len(self.reports)]
        command = RecordReport(
            at=NOW,
            mark=mark,
            campaign_id=CAMPAIGN_ID,
            report_id=id_,
            kind=kind,
            reported_at=NOW,
            url="https://example.com",
            machine=machine,
        )
        command_id = uuid5(keyed_task_id(CONTENT_GENERATOR.name, report_key(id_)), "timer")
        self.runtime.do(command, CONTENT_GENERATOR.name, command_id=command_id)

    def poll(self, rewound: int | None = None) -> None:
        """Read on; where it is rewound, the first page comes from an older place, as after a look that was slow."""
        self.rewound = rewound
        self.runtime.do(RequestReports(at=NOW, campaign_id=CAMPAIGN_ID), CONTENT_GENERATOR.name)
        self.runtime.run_due(self._perform)

    def _perform(self, effect: Any, _key: str) -> Verdict:
        if not isinstance(effect, ReadReports):
            return Accepted("x", {"accepted": 2})
        read = 0 if effect.cursor is None else int(effect.cursor)
        start = read if self.rewound is None else self.rewound % (read + 1)
        end, self.rewound = min(start + 3, len(self.reports)), None
        page = [self._line(number) for number in range(start, end)]
        return Accepted("x", {"reports": page, "next": str(end), "more": end < len(self.reports)})

    def _line(self, number: int) -> dict[str, Any]:
        mark, kind, machine = self.reports[number]
        known = {"report_id": f"r{number}", "mark": mark, "kind": kind, "at": NOW.isoformat()}
        return known | {"machine": machine, "url": "https://example.com"}


@settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
@given(REPORTS, st.lists(st.tuples(st.sampled_from(["push", "poll"]), st.integers(0, 20)), max_size=25))
def test_every_report_counts_once_however_it_comes(reports: list[Line], acts: list[tuple[str, int]]) -> None:
    crm = Crm(reports)
    for name, number in acts:
        getattr(crm, name)(number)
    for _ in reports:
        crm.poll()
    assert crm.runtime.halts == []
    facts = [one.fact for one in crm.runtime.journal]
    kinds = Counter(kind for _, kind, _ in reports)
    for event, kind in (
        (RecipientOpened, ReportKind.OPENED),
        (RecipientLinkClicked, ReportKind.CLICKED),
        (RecipientBounced, ReportKind.BOUNCED),
        (RecipientComplained, ReportKind.COMPLAINED),
    ):
        assert sum(isinstance(fact, event) for fact in facts) == kinds[kind]
    by_person: defaultdict[str, set[tuple[ReportKind, bool]]] = defaultdict(set)
    for mark, kind, machine in reports:
        by_person[mark].add((kind, machine))
    proofs = {ReportKind.DELIVERED, ReportKind.OPENED, ReportKind.CLICKED}
    delivered = sum(
        fact.delivers for fact in facts if isinstance(fact, RecipientDelivered | RecipientOpened | RecipientLinkClicked)
    )
    assert delivered == sum(any(kind in proofs for kind, _ in seen) for seen in by_person.values())
    openers = sum(fact.first for fact in facts if isinstance(fact, RecipientOpened) and not fact.machine)
    assert openers == sum((ReportKind.OPENED, False) in seen for seen in by_person.values())
    clickers = sum(fact.first for fact in facts if isinstance(fact, RecipientLinkClicked))
    assert clickers == sum(any(kind is ReportKind.CLICKED for kind, _ in seen) for seen in by_person.values())
    gone = sum(fact.first for fact in facts if isinstance(fact, RecipientUnsubscribed))
    leaving = {ReportKind.COMPLAINED, ReportKind.UNSUBSCRIBED}
    assert gone == sum(any(kind in leaving for kind, _ in seen) for seen in by_person.values())

"""One row per published version of a program's flow, which never changes."""

from __future__ import annotations

from collections.abc import Iterator

from domain.creator_hub.events import CreatorHubEvent
from domain.creator_hub.program import FlowPinned
from streams.core.envelope import Recorded
from streams.core.read_models import Change, ReadModel, put


def project(event: Recorded[CreatorHubEvent]) -> Iterator[Change]:
    match event.fact:
        case FlowPinned() as fact:
            of = {"creator_id": fact.creator_id, "program_id": fact.program_id, "flow_version": fact.version}
            flow = {"nodes": list(fact.nodes), "edges": list(fact.edges)}
            yield put(fact.flow_id, pinned_at=fact.at, **of, **flow)


FLOWS = ReadModel(
    "creator_hub_flows",
    version=1,
    key=("flow_id",),
    project=project,
    ddl="""
    create table {table} (
        flow_id         text primary key,
        creator_id      text not null,
        program_id      text not null,
        flow_version    int not null,
        nodes           json not null,
        edges           json not null,
        pinned_at       timestamptz not null
    );
    create index on {table} (program_id, flow_version);
""",
)

"""Where members stand in a version of a program, node by node: who came, who went on, and who is there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from psycopg import AsyncConnection
from pydantic import JsonValue

from projections.creator_hub.rates import share
from streams.core.read_models import Row


class NodeCounts(NamedTuple):
    """A node. `reached`, `waiting` and `passed` count enrolments, the others the steps that were settled so.

    `waiting` are those whose open step it is; `passed` are those who reached it and are not there.
    """

    node: str
    type: str
    reached: int
    waiting: int
    delivered: int
    answered: int
    unanswered: int
    skipped: int
    failed: int

    @property
    def passed(self) -> int:
        return self.reached - self.waiting

    @property
    def drop_off_rate(self) -> float:
        """The share of those who reached it that are still there."""
        return share(self.waiting, self.reached)


class DropOff(NamedTuple):
    """A version's nodes in the order of its flow."""

    version: int
    enrolled: int
    completed: int
    nodes: list[NodeCounts]


VERSION = """
    select f.flow_id, f.flow_version, f.nodes, e.enrolled, e.completed
      from creator_hub_flows f
     cross join lateral (
           select count(*) enrolled, count(completed_at) completed
             from creator_hub_enrollments where flow_id = f.flow_id) e
     where f.creator_id = %(creator_id)s and f.program_id = %(program_id)s
       and (%(version)s::int is null or f.flow_version = %(version)s)
     order by f.flow_version desc limit 1
"""

NODES = """
    with pinned as (
        select enrollment_id, n, passed from creator_hub_enrollments where flow_id = %(flow_id)s
    ), acted as (
        select s.*, settled_at is null and s.n = p.n is_open
          from creator_hub_steps s join pinned p using (enrollment_id)
    ), visits as (
        select enrollment_id, node from acted
        union select enrollment_id, jsonb_array_elements_text(passed) from acted
        union select enrollment_id, jsonb_array_elements_text(passed) from pinned
    )
    select node, (select count(*) from visits v where v.node = nodes.node),
           count(distinct enrollment_id) filter (where is_open),
           count(*) filter (where status = 'delivered'), count(*) filter (where status = 'answered'),
           count(*) filter (where status = 'unanswered'), count(*) filter (where status = 'skipped'),
           count(*) filter (where status = 'failed')
      from (select distinct node from visits) nodes left join acted using (node)
     group by node
"""


async def drop_off(
    connection: AsyncConnection[Row], creator_id: str, program_id: str, version: int | None = None
) -> DropOff | None:
    """The counts of a version, or of the last one; None if the creator's program has no such version."""
    values = {"creator_id": creator_id, "program_id": program_id, "version": version}
    row = await (await connection.execute(VERSION, values)).fetchone()
    if row is None:
        return None
    flow_id, number, nodes, enrolled, completed = row
    rows = await (await connection.execute(NODES, {"flow_id": flow_id})).fetchall()
    return DropOff(number, enrolled, completed, list(_counted(nodes, {node: counts for node, *counts in rows})))


def _counted(nodes: Sequence[dict[str, JsonValue]], counts: dict[str, list[int]]) -> Iterator[NodeCounts]:
    for node in nodes:
        id_ = str(node.get("id", ""))
        yield NodeCounts(id_, str(node.get("type", "")), *counts.get(id_, [0] * 7))

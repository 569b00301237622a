"""The interpreter of a program's flow: which node comes next, and how much of the way is done.

Nodes that only lead on (`start`, `condition`) are passed; every other one is a step. A type that is not known is a step
too, which is skipped and recorded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from functools import cached_property
from math import isfinite
from typing import Any, NamedTuple

from domain.creator_hub.conditions import Facts, holds, is_number
from domain.creator_hub.graphs import longest_ways
from domain.creator_hub.program import Flow
from domain.time_zones import next_local, zone_of

STEPS_WITHOUT_WAIT = 100
"""The most steps between two waits; the next one is put off by an hour."""

PUT_OFF = timedelta(hours=1)
MOST_HOURS = 8_760.0
START, END, WAIT, WAIT_FOR_REPLY, CONDITION = "start", "end", "wait", "wait_for_reply", "condition"
SEND, AI, BADGE, ESCALATE, ENROLL = "send_message", "ai_message", "badge", "escalate", "enroll"
PASSED = frozenset({START, CONDITION})
BRANCHES = frozenset({CONDITION, WAIT_FOR_REPLY})
YES = frozenset({"true", "yes", "replied", "reply"})
NO = frozenset({"false", "no", "timeout", "no_reply"})
DEFAULT = frozenset({"", "default", "else", "otherwise"})


class Node(NamedTuple):
    """A node: its id, its type, and its data."""

    id: str
    kind: str
    data: Mapping[str, Any]

    @property
    def delay(self) -> timedelta:
        """`delay_hours` of its data; none if it is no number."""
        return timedelta(hours=hours(self.data.get("delay_hours")))

    @property
    def waits(self) -> bool:
        """Whether time passes at it, so that a way through it is no endless one."""
        return self.kind == WAIT_FOR_REPLY or self.delay > timedelta(0) or self.local_time is not None

    @property
    def local_time(self) -> time | None:
        """The time of day in the member's zone that a `wait` ends at; None without one."""
        if self.kind != WAIT:
            return None
        return _time_of(self.data.get("time_of_day", self.data.get("local_time")))


class Edge(NamedTuple):
    """An edge. `branch` is its label in lower case: which answer of its source it belongs to."""

    source: str
    target: str
    branch: str


class Step(NamedTuple):
    """The next step. `passed` are the nodes on the way to it; `node` is None at the end of the flow."""

    node: Node | None
    passed: tuple[str, ...]


@dataclass(frozen=True)
class Graph:
    """A flow as a graph."""

    nodes: Mapping[str, Node]
    edges: Mapping[str, tuple[Edge, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, flow: Flow) -> Graph:
        """The graph of a pinned flow."""
        return cls.of_parts(flow.nodes, flow.edges)

    @classmethod
    def of_parts(cls, nodes: Sequence[Mapping[str, Any]], edges: Sequence[Mapping[str, Any]]) -> Graph:
        """The graph of nodes and edges whose form has been checked."""
        made = {str(one["id"]): _node(one) for one in nodes}
        outgoing: dict[str, list[Edge]] = {}
        for one in edges:
            edge = Edge(str(one["source"]), str(one["target"]), branch_of(one))
            outgoing.setdefault(edge.source, []).append(edge)
        return cls(made, {source: tuple(those) for source, those in outgoing.items()})

    @cached_property
    def start(self) -> Node | None:
        """The first node of the type `start`."""
        return next((node for node in self.nodes.values() if node.kind == START), None)

    def targets(self, node: str) -> tuple[str, ...]:
        """The nodes that its edges lead to."""
        return tuple(edge.target for edge in self.edges.get(node, ()))

    def after(self, node: Node | None, facts: Facts) -> Step:
        """The step behind a node, or the first one behind the start. A node that is passed twice ends the flow."""
        passed: list[str] = []
        at = self.start if node is None else self._next(node, facts)
        while at is not None and at.kind in PASSED and at.id not in passed:
            passed.append(at.id)
            at = self._next(at, facts)
        if at is not None and at.kind == END:
            return Step(None, (*passed, at.id))
        return Step(None if at is None or at.kind in PASSED else at, tuple(passed))

    def _next(self, node: Node, facts: Facts) -> Node | None:
        edges = self.edges.get(node.id, ())
        if node.kind in BRANCHES:
            answer = facts.replied if node.kind == WAIT_FOR_REPLY else holds(node.data, facts)
            edge = _chosen(edges, YES if answer else NO)
        else:
            edge = edges[0] if edges else None
        return None if edge is None else self.nodes.get(edge.target)

    @cached_property
    def _longest(self) -> Mapping[str, int]:
        """By node, the steps on the longest way from it to an end, itself included; the nodes of a cycle count once."""
        weights = {id_: 0 if node.kind in (*PASSED, END) else 1 for id_, node in self.nodes.items()}
        return longest_ways(weights, {id_: self.targets(id_) for id_ in self.nodes})

    def progress(self, next_step: Step) -> float:
        """The share of the longest way that is done when this step is the next one; 1 at the end."""
        if next_step.node is None or self.start is None:
            return 1.0
        whole = self._longest[self.start.id]
        return max(0.0, 1.0 - self._longest[next_step.node.id] / whole) if whole else 1.0


def _node(given: Mapping[str, Any]) -> Node:
    data = given.get("data")
    return Node(str(given["id"]), str(given.get("type", "")), data if isinstance(data, Mapping) else {})


def branch_of(edge: Mapping[str, Any]) -> str:
    """The branch that an edge belongs to: its label, else its source's handle, in lower case; "" for neither."""
    data = edge.get("data")
    inner = data.get("branch") if isinstance(data, Mapping) else None
    given = next((one for one in (edge.get("label"), edge.get("sourceHandle"), inner) if isinstance(one, str)), "")
    return given.strip().lower()


def _chosen(edges: Sequence[Edge], words: frozenset[str]) -> Edge | None:
    """The edge of a branch, else the default one."""
    return next((edge for edge in edges if edge.branch in words), None) or next(
        (edge for edge in edges if edge.branch in DEFAULT), None
    )


def hours(given: object) -> float:
    """Hours as a number of 0 or more; anything else is none."""
    return float(given) if is_number(given) and isfinite(given) and 0 <= given <= MOST_HOURS else 0.0


def due_at(node: Node, at: datetime, time_zone: str) -> datetime:
    """When a step is due that is scheduled at this time: after its delay, for `wait` also at a local time of day."""
    due = at + node.delay
    return due if node.local_time is None else next_local(due, node.local_time, zone_of(time_zone))


def _time_of(wanted: object) -> time | None:
    if not isinstance(wanted, str):
        return None
    try:
        return time.fromisoformat(wanted).replace(tzinfo=None)
    except ValueError:
        return None

"""Checks of a flow: of its form whenever it is saved, and of its ways when it is published."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from math import isfinite
from typing import Any, NamedTuple

from domain.creator_hub.conditions import is_number
from domain.creator_hub.flow import (
    AI,
    BRANCHES,
    DEFAULT,
    MOST_HOURS,
    NO,
    SEND,
    START,
    STEPS_WITHOUT_WAIT,
    YES,
    Graph,
    Node,
)
from domain.creator_hub.graphs import cycles, longest_ways, reachable

MOST_NODES = 500
MOST_BYTES = 200_000


class Fault(NamedTuple):
    """What is wrong, and where: the path of a field below `flow_definition`, or the id of a node."""

    field: str
    message: str


def form_faults(flow: Mapping[str, Any]) -> list[Fault]:
    """The faults of form, in order; where there is one of lists or ids, others are not looked for."""
    nodes, edges = flow.get("nodes", []), flow.get("edges", [])
    lists = [
        Fault(name, "must be a list of objects")
        for name, given in (("nodes", nodes), ("edges", edges))
        if not isinstance(given, list) or not all(isinstance(one, dict) for one in given)
    ]
    if lists:
        return lists
    if len(nodes) > MOST_NODES or len(edges) > 2 * MOST_NODES:
        return [Fault("nodes", f"must be at most {MOST_NODES}, with at most {2 * MOST_NODES} edges")]
    ids = list(_id_faults(nodes))
    return ids or [*_node_faults(nodes), *_edge_faults(edges, {one["id"] for one in nodes})]


def _id_faults(nodes: Sequence[Mapping[str, Any]]) -> Iterator[Fault]:
    counts = Counter(one.get("id") for one in nodes if isinstance(one.get("id"), str))
    for number, one in enumerate(nodes):
        id_ = one.get("id")
        if not isinstance(id_, str) or not id_:
            yield Fault(f"nodes.{number}.id", "is required and must be a text")
        elif counts[id_] > 1:
            yield Fault(f"nodes.{number}.id", "is the id of another node too")


def _node_faults(nodes: Sequence[Mapping[str, Any]]) -> Iterator[Fault]:
    for number, one in enumerate(nodes):
        place = f"nodes.{number}"
        if not isinstance(one.get("type"), str):
            yield Fault(f"{place}.type", "is required and must be a text")
        data = one.get("data", {})
        if not isinstance(data, dict):
            yield Fault(f"{place}.data", "must be an object")
            continue
        yield from _data_faults(place, one, data)


def _data_faults(place: str, node: Mapping[str, Any], data: Mapping[str, Any]) -> Iterator[Fault]:
    if data.get("delay_hours") is not None and not is_delay(data["delay_hours"]):
        yield Fault(f"{place}.data.delay_hours", f"must be a number from 0 to {MOST_HOURS:.0f}")
    if node.get("type") == SEND and "message" in data and not isinstance(data["message"], str):
        yield Fault(f"{place}.data.message", "must be a text")


def is_delay(given: object) -> bool:
    """Whether it is a number of hours that a step may wait."""
    return is_number(given) and isfinite(given) and 0 <= given <= MOST_HOURS


def _edge_faults(edges: Sequence[Mapping[str, Any]], ids: set[str]) -> Iterator[Fault]:
    for number, one in enumerate(edges):
        for end in ("source", "target"):
            given = one.get(end)
            if not isinstance(given, str) or given not in ids:
                yield Fault(f"edges.{number}.{end}", "must be the id of a node")


def way_faults(flow: Mapping[str, Any]) -> list[Fault]:
    """The faults that keep a flow of right form from being published, by the nodes that they are at."""
    graph = Graph.of_parts(flow.get("nodes", []), flow.get("edges", []))
    if graph.start is None:
        return [Fault("nodes", "must have one node of the type start")]
    targets = {id_: graph.targets(id_) for id_ in graph.nodes}
    known = reachable(graph.start.id, targets)
    return [
        *(Fault(id_, "cannot be reached from the start") for id_ in graph.nodes if id_ not in known),
        *(fault for node in graph.nodes.values() for fault in _faults_of(graph, node)),
        *_endless(graph, targets),
    ]


def _faults_of(graph: Graph, node: Node) -> Iterator[Fault]:
    edges = graph.edges.get(node.id, ())
    if node.kind in BRANCHES:
        labels = {edge.branch for edge in edges}
        if edges and not labels & DEFAULT and not (labels & YES and labels & NO):
            yield Fault(node.id, "is a branch without a default way: label its edges true and false, or leave one bare")
    elif len(edges) > 1:
        yield Fault(node.id, "has several ways on, and is no branch")
    if node.kind == START and graph.start is not None and node.id != graph.start.id:
        yield Fault(node.id, "is a second start")
    if node.kind in (SEND, AI) and not _has_words(node):
        yield Fault(node.id, "has no message")


def _has_words(node: Node) -> bool:
    words = node.data.get("message") if node.kind == SEND else node.data.get("prompt", node.data.get("message"))
    return isinstance(words, str) and bool(words.strip())


def _endless(graph: Graph, targets: Mapping[str, Sequence[str]]) -> Iterator[Fault]:
    """Cycles without a wait, and ways of too many steps without one."""
    unbroken = {
        id_: tuple(target for target in those if not graph.nodes[target].waits) for id_, those in targets.items()
    }
    found = list(cycles(unbroken))
    for cycle in found:
        yield Fault(min(cycle), "is part of a cycle without a wait")
    if not found:
        longest = longest_ways(dict.fromkeys(graph.nodes, 1), unbroken)
        yield from (
            Fault(id_, f"begins a way of more than {STEPS_WITHOUT_WAIT} steps without a wait")
            for id_ in [id_ for id_, steps in longest.items() if steps > STEPS_WITHOUT_WAIT][:1]
        )

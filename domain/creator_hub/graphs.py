"""Ways through a directed graph: its cycles, and the longest way from each node where a cycle counts as one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

Targets = Mapping[str, Sequence[str]]


def cycles(targets: Targets) -> Iterator[frozenset[str]]:
    """The sets of nodes that reach each other, among them every node that leads to itself."""
    for component in components(targets):
        (first, *others) = component
        if others or first in targets.get(first, ()):
            yield component


def reachable(start: str, targets: Targets) -> set[str]:
    """The nodes that a way leads to from this one, itself included."""
    found, left = {start}, [start]
    while left:
        new = [one for one in targets.get(left.pop(), ()) if one not in found]
        found.update(new)
        left.extend(new)
    return found


def components(targets: Targets) -> list[frozenset[str]]:
    """The strongly connected components, each after those that it leads to (Tarjan, without recursion)."""
    return list(_Tarjan(targets).run())


class _Tarjan:
    """One run of the algorithm (R. Tarjan, 1972)."""

    def __init__(self, targets: Targets) -> None:
        self._targets = targets
        self._index: dict[str, int] = {}
        self._low: dict[str, int] = {}
        self._stack: list[str] = []
        self._open: set[str] = set()

    def run(self) -> Iterator[frozenset[str]]:
        for node in self._targets:
            if node not in self._index:
                yield from self._from(node)

    def _from(self, root: str) -> Iterator[frozenset[str]]:
        work = [(root, self._entered(root))]
        while work:
            node, following = work[-1]
            target = next(following, None)
            if target is None:
                work.pop()
                for parent, _ in work[-1:]:
                    self._low[parent] = min(self._low[parent], self._low[node])
                if self._low[node] == self._index[node]:
                    yield self._closed(node)
            elif target not in self._index:
                work.append((target, self._entered(target)))
            elif target in self._open:
                self._low[node] = min(self._low[node], self._index[target])

    def _entered(self, node: str) -> Iterator[str]:
        self._index[node] = self._low[node] = len(self._index)
        self._stack.append(node)
        self._open.add(node)
        return iter([target for target in self._targets.get(node, ()) if target in self._targets])

    def _closed(self, node: str) -> frozenset[str]:
        at = self._stack.index(node)
        component, self._stack = frozenset(self._stack[at:]), self._stack[:at]
        self._open -= component
        return component


def longest_ways(weights: Mapping[str, int], targets: Targets) -> dict[str, int]:
    """By node, the greatest weight of a way from it, itself included. A cycle counts as one node of all its weight."""
    found: dict[str, int] = {}
    for component in components(targets):
        beyond = (found[target] for node in component for target in _leaving(component, targets.get(node, ()), found))
        longest = sum(weights[node] for node in component) + max(beyond, default=0)
        found.update(dict.fromkeys(component, longest))
    return found


def _leaving(component: frozenset[str], targets: Iterable[str], found: Mapping[str, int]) -> Iterator[str]:
    return (target for target in targets if target not in component and target in found)

"""A name server of the tests: names that resolve to one address and then to another."""

from __future__ import annotations

import socket
from collections import Counter, deque

import pytest

_RESOLVE = socket.getaddrinfo


class Names:
    """What each name resolves to, question by question; the last answer stays. Other names are resolved as usual."""

    def __init__(self) -> None:
        self._answers: dict[str, deque[list[str] | OSError]] = {}
        self.questions: Counter[str] = Counter()

    def add(self, name: str, *answers: list[str] | OSError) -> None:
        self._answers[name] = deque(answers)

    def resolve(self, host: str, port: int, *rest: object, **named: object) -> object:
        """In the place of socket.getaddrinfo."""
        if host not in self._answers:
            return _RESOLVE(host, port, *rest, **named)  # type: ignore[arg-type]
        self.questions[host] += 1
        answers = self._answers[host]
        answer = answers.popleft() if len(answers) > 1 else answers[0]
        if isinstance(answer, OSError):
            raise answer
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in answer]


def names(monkeypatch: pytest.MonkeyPatch, public: str = "127.0.0.1") -> Names:
    """A name server in the place of the system's. The address given counts as public, beside those that are."""
    from connectors import outward

    is_public = outward.is_public
    found = Names()
    monkeypatch.setattr(socket, "getaddrinfo", found.resolve)
    monkeypatch.setattr(outward, "is_public", lambda address: address == public or is_public(address))
    return found

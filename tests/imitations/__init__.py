"""Local imitations of providers: their documented wire format, and their modes of failure.

Each runs in a thread (`with TwilioImitation() as twilio: ...`) or as a separate process, which prints its port:
`python -m tests.imitations.twilio --port 0`. Control over HTTP, also from other processes:

- `GET /_imitation/received`: `{"received": [...], "counts": {destination: n}, "requests": n}`
- `POST /_imitation/behave`: one behaviour or a list of them, added to the script
- `DELETE /_imitation/behave`: forget the script and behave well again
"""

from __future__ import annotations

import argparse
import asyncio
import socket
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Any, Self

import uvicorn
from pydantic import BaseModel, ConfigDict, TypeAdapter
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route
from uvicorn.protocols.http.h11_impl import H11Protocol


class Fate(StrEnum):
    """What the caller gets to see."""

    ANSWER = "answer"
    HANG = "hang"
    DROP = "drop"


class Stage(StrEnum):
    """Where in the exchange it happens. GREETING and RECIPIENT are steps of SMTP, LIST a look-up."""

    GREETING = "greeting"
    RECIPIENT = "recipient"
    MESSAGE = "message"
    LIST = "list"


class Behaviour(BaseModel):
    """What becomes of a message: whether it is recorded (as if it went out), and then what the caller sees.

    `status` None is success; `code`, `text` and `headers` fill a failure. `delay` is in seconds, after recording.
    It holds for `times` messages (None: until told otherwise), of `to` only if given.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    recorded: bool = True
    fate: Fate = Fate.ANSWER
    stage: Stage = Stage.MESSAGE
    status: int | None = None
    code: str | None = None
    text: str = "the imitation was told to fail"
    headers: dict[str, str] = {}
    delay: float = 0.0
    times: int | None = 1
    to: str | None = None


BEHAVED = Behaviour(times=None)


def failing(status: int, code: str | None = None, *, recorded: bool = False, **more: Any) -> Behaviour:
    """Answers with that status and the provider's own error code."""
    return Behaviour(status=status, code=code, recorded=recorded, **more)


def throttling(retry_after: str, code: str | None = None, **more: Any) -> Behaviour:
    """Answers 429 with that Retry-After."""
    return failing(429, code, headers={"Retry-After": retry_after}, **more)


def slow(seconds: float, **more: Any) -> Behaviour:
    """Records at once, and answers after so many seconds."""
    return Behaviour(delay=seconds, **more)


def hanging(**more: Any) -> Behaviour:
    """Records, and never answers."""
    return Behaviour(fate=Fate.HANG, **more)


def dropping(*, recorded: bool, **more: Any) -> Behaviour:
    """Cuts the connection, after recording or before."""
    return Behaviour(fate=Fate.DROP, recorded=recorded, **more)


class Received(BaseModel):
    """One message that went out, as far as the caller could ever know: its destination and all that was sent."""

    model_config = ConfigDict(frozen=True)

    to: str
    content: dict[str, Any]
    headers: dict[str, str] = {}


class Journal:
    """What was received and how to behave next. Every thread may use it."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._received: list[Received] = []
        self._script: list[Behaviour] = []
        self._requests = 0

    def behave(self, *behaviours: Behaviour) -> None:
        """Adds to the script; the first entry that fits a message is followed."""
        with self._changed:
            self._script.extend(behaviours)

    def behave_well(self) -> None:
        """Forgets the script."""
        with self._changed:
            self._script.clear()

    def following(self, to: str, stage: Stage = Stage.MESSAGE) -> Behaviour:
        """The behaviour for a message to that destination, counted as followed."""
        with self._changed:
            self._requests += stage is Stage.MESSAGE
            self._changed.notify_all()
            for index, behaviour in enumerate(self._script):
                if behaviour.stage is stage and behaviour.to in (None, to):
                    self._script[index : index + 1] = _once_less(behaviour)
                    return behaviour
            return BEHAVED

    def record(self, received: Received) -> None:
        with self._changed:
            self._received.append(received)
            self._changed.notify_all()

    @property
    def received(self) -> list[Received]:
        with self._changed:
            return list(self._received)

    @property
    def requests(self) -> int:
        """How many times a message was handed in, whatever became of it."""
        with self._changed:
            return self._requests

    @property
    def counts(self) -> Counter[str]:
        """How many messages went out to each destination."""
        return Counter(received.to for received in self.received)

    def wait_for(self, messages: int, timeout: float = 10.0) -> list[Received]:
        """Blocks until so many messages went out. Raises TimeoutError."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self._received) >= messages, timeout):
                raise TimeoutError(f"{len(self._received)} messages went out, not {messages}")
            return list(self._received)


def _once_less(behaviour: Behaviour) -> list[Behaviour]:
    if behaviour.times is None:
        return [behaviour]
    return [behaviour.model_copy(update={"times": behaviour.times - 1})] if behaviour.times > 1 else []


class _Cuttable(H11Protocol):
    """Lets a handler cut the connection its request came by: `request.state.transport`."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.app_state = {**self.app_state, "transport": transport}


_SCRIPT = TypeAdapter(Behaviour | list[Behaviour])


class Imitation:
    """A server on a free loopback port (or the given one), in a thread while the `with` block runs."""

    def __init__(self, port: int = 0) -> None:
        self.journal = Journal()
        self._listener = listener(port)
        self.port = int(self._listener.getsockname()[1])
        self.url = f"http://127.0.0.1:{self.port}"
        config = uvicorn.Config(
            self._app(),
            http=_Cuttable,
            loop="asyncio",
            log_config=None,
            access_log=False,
            ws="none",
            timeout_graceful_shutdown=1,  # some are told to hang
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self.serve, name=type(self).__name__, daemon=True)

    def routes(self) -> Sequence[BaseRoute]:
        """The provider's own routes."""
        raise NotImplementedError

    @property
    def announcement(self) -> str:
        """What a process of its own prints: the port."""
        return str(self.port)

    def behave(self, *behaviours: Behaviour) -> None:
        self.journal.behave(*behaviours)

    def begin_anew(self) -> None:
        """Forgets all that came, and the script: for one server that several tests share."""
        self.journal = Journal()

    def serve(self) -> None:
        """Serves until told to stop."""
        self._server.run(sockets=[self._listener])

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join()
        self._listener.close()

    def _app(self) -> Starlette:
        control = [
            Route("/_imitation/received", self._received, methods=["GET"]),
            Route("/_imitation/behave", self._behave, methods=["POST", "DELETE"]),
        ]
        return Starlette(routes=[*control, *self.routes()])

    async def _received(self, request: Request) -> Response:
        received = [message.model_dump() for message in self.journal.received]
        counts = Counter(message["to"] for message in received)
        return JSONResponse({"received": received, "counts": counts, "requests": self.journal.requests})

    async def _behave(self, request: Request) -> Response:
        if request.method == "DELETE":
            self.journal.behave_well()
        else:
            script = _SCRIPT.validate_json(await request.body())
            self.behave(*(script if isinstance(script, list) else [script]))
        return Response(status_code=204)


def listener(port: int = 0) -> socket.socket:
    """A listening loopback socket: whoever connects from now on is served or waits, but is not refused."""
    listening = socket.create_server(("127.0.0.1", port), backlog=512)
    listening.setblocking(False)
    return listening


async def suffer(request: Request, behaviour: Behaviour) -> None:
    """The waiting and cutting of a behaviour; returns when there is something to answer."""
    await asyncio.sleep(behaviour.delay)
    if behaviour.fate is Fate.HANG:
        while (await request.receive())["type"] != "http.disconnect":
            pass
    if behaviour.fate is Fate.DROP:
        request.state.transport.abort()


def main(make: Callable[[int], Imitation]) -> None:
    """Runs one imitation as this process; prints where it listens, then serves."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    imitation = make(parser.parse_args().port)
    print(imitation.announcement, flush=True)
    imitation.serve()

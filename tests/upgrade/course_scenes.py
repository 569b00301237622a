"""What the kept installation went through in gccp, and the endpoints of webhooks of both products."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx2

from tests.imitations import failing
from tests.imitations.webhook_sink import WebhookSink
from tests.upgrade.installation import wait
from tests.upgrade.scenes import Stage

COURSE = "/gccp/api"
OWNER, OTHER = "owner", "other"
TRANSCRIPT = "Machine learning is a subset of artificial intelligence. A neural network is made of layers of neurons."
BRIEF = {"topic": "Machine Learning", "subtopics": "supervised learning, neural networks", "mode": "lecture"}
SINK_PORT = 18_765
HOOKS = f"http://127.0.0.1:{SINK_PORT}/hooks"


def course(stage: Stage, path: str, body: object = None, *, method: str = "POST", by: str = OWNER, **more: Any) -> Any:
    """A write in gccp."""
    return stage.recorder.write(by, method, f"{COURSE}{path}", body, **more)


def state(stage: Stage, generation: str) -> str:
    found = stage.recorder.asking.ask(OWNER, "GET", f"{COURSE}/generations/{generation}", None, {})
    return str(found.json()["status"])


def generate(stage: Stage, until: str = "completed", **more: Any) -> str:
    """Asks for a course; returns its id once it has come so far."""
    id_ = str(course(stage, "/generate", BRIEF | {"transcript": TRANSCRIPT} | more)["generation_id"])
    wait(lambda: state(stage, id_) == until, f"{id_} does not become {until}")
    stage.kept.setdefault("generations", []).append(id_)
    return id_


def courses(stage: Stage) -> str:
    """Written by rules, refused in every way, exported, proxied. Gives a completed generation."""
    done = generate(stage)
    generate(stage, mode="assignment", assignmentCounts={"mcsc": 2, "mcmc": 1, "subjective": 1})
    course(stage, "/generate", BRIEF | {"mode": "assignment"}, expect=400)
    course(stage, "/generate", BRIEF | {"topic": "x" * 501}, expect=400)
    course(stage, "/retry", {"generation_id": done}, expect=400)
    course(stage, f"/generations/{done}/cancel", expect=400)
    course(stage, f"/generations/{done}/cancel", by=OTHER, expect=403)
    course(stage, "/export/pdf", {"content": "# A title\n\nAnd a sentence.", "filename": "course"})
    talk = {"messages": [{"role": "user", "content": "What is a layer?"}], "model": "offline"}
    for method in ("POST", "PUT"):
        course(stage, "/stream", talk, method=method, again=409)
    return done


def broken_courses(stage: Stage, model: Model) -> None:
    """Failed, cancelled while a call was under way, and waiting to be tried again."""
    model.script({"status": 400, "body": {"type": "error", "error": {"type": "invalid_request_error", "message": ""}}})
    stage.kept["failed generation"] = generate(stage, "failed")
    model.script({"hang": True})
    cancelled = generate(stage, "processing")
    course(stage, f"/generations/{cancelled}/cancel")
    body = {"type": "error", "error": {"type": "rate_limit_error", "message": "later"}}
    model.script({"status": 429, "headers": {"retry-after": "3000"}, "body": body})
    stage.kept["waiting generation"] = waiting = generate(stage, "processing")

    def put_off() -> bool:
        path = f"{COURSE}/generations/{waiting}"
        return stage.recorder.asking.ask(OWNER, "GET", path, None, {}).json()["retry_at"] is not None

    wait(put_off, "the generation is not put off")


def read_courses(stage: Stage) -> None:
    """Everything that can be read in gccp and does not depend on the day."""
    read = stage.recorder.read
    for id_ in stage.kept["generations"]:
        read(OWNER, f"{COURSE}/generations/{id_}")
        read(OWNER, f"{COURSE}/generations/{id_}/calls")
        read(OTHER, f"{COURSE}/generations/{id_}")
    read(OWNER, f"{COURSE}/generations")
    read(OWNER, f"{COURSE}/usage?first=2026-01-01&last=2026-12-31")


class Model:
    """An imitated Anthropic in a process of its own, told what to do next."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        self._process = process
        self.url = process.stdout.readline().strip()

    def leave(self) -> None:
        """Cuts every call that is under way."""
        self._process.terminate()

    def script(self, act: dict[str, Any]) -> None:
        httpx2.post(f"{self.url}/_script", content=json.dumps([act])).raise_for_status()


@contextmanager
def model() -> Iterator[Model]:
    command = [sys.executable, "-m", "tests.imitations.anthropic", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Model(process)
        finally:
            process.terminate()


def endpoints(stage: Stage, sink: WebhookSink) -> None:
    """One that takes everything, one disabled by hand, one that wants no more, two that are away, one that was."""
    events = {"a": (), "b": ("message.delivered",), "c": ("message.action_taken",), "d": ("message.clicked",),
              "e": ("message.opened",), "f": ("message.opened",)}  # fmt: skip
    stage.kept |= {"endpoints": {}, "secrets": {}}
    for name, types in events.items():
        options = [part for type_ in types for part in ("--event", type_)]
        said = stage.installation.says("webhook", "add", "communication", f"{HOOKS}/{name}", *options).split()
        stage.kept["endpoints"][name], stage.kept["secrets"][f"/hooks/{name}"] = said
    sink.secrets |= stage.kept["secrets"]
    sink.behave(failing(410, to="/hooks/c", times=None))
    for away in ("/hooks/d", "/hooks/e"):
        sink.behave(failing(503, to=away, times=None))
    sink.behave(failing(503, to="/hooks/f", times=8))
    for turn in ("disable", "enable", "disable"):
        stage.installation.says("webhook", turn, "communication", stage.kept["endpoints"]["b"])


STATES = """
    select name from headwater.journal where name like 'webhooks.webhook.%%'
       and convert_from(data, 'UTF8')::json ->> 'endpoint_id' = %s
"""
HELD = """
    select convert_from(data, 'UTF8')::json ->> 'webhook_id', convert_from(data, 'UTF8')::json ->> 'data_subject'
      from headwater.journal where name = 'webhooks.webhook.held.v1' limit 1
"""


def webhooks(stage: Stage) -> None:
    """What was told by now, and what waits."""
    for name, state in (("a", "delivered"), ("b", "held"), ("c", "failed"), ("d", "attempt_failed"),
                        ("e", "attempt_failed")):  # fmt: skip
        endpoint = stage.kept["endpoints"][name]

        def seen(endpoint: str = endpoint, state: str = state) -> bool:
            return (f"webhooks.webhook.{state}.v1",) in stage.installation.rows(STATES, endpoint)

        wait(seen, f"the endpoint {name} has had nothing {state}")
    ((stage.kept["held webhook"], subject),) = stage.installation.rows(HELD)
    stage.kept["held webhook of"] = int(subject.partition(":")[2])

"""Makes the fixtures anew, by hand and from the revision they are to stand for: `python -m tests.upgrade.record`."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import httpx2

from tests.imitations import failing
from tests.imitations.twilio import ACCOUNT_SID, AUTH_TOKEN, TwilioImitation
from tests.imitations.webhook_sink import SECRET, WebhookSink
from tests.upgrade import course_scenes, rarer_scenes, scenes
from tests.upgrade.exchanges import Asking, Recorder
from tests.upgrade.installation import Installation, heads, problems, read_models
from tests.upgrade.packing import DATA, EMBEDDED, keep, pack, unpack
from tests.upgrade.record_kafka import record_kafka
from tests.upgrade.scenes import Stage
from tests.upgrade.stored_names import listed

SETTINGS = {
    "HEADWATER_PARTITIONS": "4",
    "HEADWATER_PUBLIC_URL": "https://headwater.example",
    "HEADWATER_ALLOW_PRIVATE_WEBHOOKS": "true",
    "TWILIO_ACCOUNT_SID": ACCOUNT_SID,
    "TWILIO_AUTH_TOKEN": AUTH_TOKEN,
    "TWILIO_FROM": "+15550009999",
    "TWILIO_WEBHOOK_URL": scenes.TWILIO_URL,
    "RESEND_WEBHOOK_SECRET": scenes.RESEND_SECRET,
    "GCCP_WEBHOOK_URL": f"{course_scenes.HOOKS}/gccp",
    "GCCP_WEBHOOK_SECRET": SECRET,
}
OWNERS = {"owner": "00000000-0000-4000-8000-000000000001", "other": "00000000-0000-4000-8000-000000000002"}
LIMITS = {
    "communication": ("communication_sending", "batch_operations", "general", "analytics_queries"),
    "gccp": ("general", "generate", "export_pdf", "retry", "stream"),
}
HUNDRED_YEARS = "36500"
WAITING = "update headwater.tasks set due_at = '2100-01-01Z' where state = 'waiting' and due_at < '2100-01-01Z'"
OPEN = "select kind, name, count(*)::int from headwater.tasks group by 1, 2 order by 1, 2"
COMPACT = ("alter system set min_wal_size = '32MB'", "alter system set wal_recycle = off", "select pg_reload_conf()",
           "vacuum full", "select pg_switch_wal()", "checkpoint", "alter system reset all", "checkpoint")  # fmt: skip


def main() -> None:
    DATA.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="headwater-record-", dir="/dev/shm") as directory:
        Path(directory).chmod(0o755)
        embedded(Path(directory) / "data")
        record_kafka(unpack(DATA / f"{EMBEDDED}.tar.xz", Path(directory) / "moved"), SETTINGS)
    (DATA / "names-0.1.txt").write_text(listed())


def embedded(data: Path) -> None:
    """An installation of its own, with everything in it, stopped and packed."""
    with ExitStack() as open_:
        twilio, sink = open_.enter_context(TwilioImitation()), WebhookSink(course_scenes.SINK_PORT)
        open_.enter_context(sink)
        given = SETTINGS | {"HEADWATER_CLOCK": "manual", "TWILIO_BASE_URL": twilio.url}
        stage = _first_run(Installation(data, given), twilio, sink)
        tight = {"HEADWATER_DAILY_BUDGET": f"{_spent(stage) + 0.001:.6f}"}
        with course_scenes.model() as model:
            _second_run(Installation(data, given | tight | _anthropic(model.url)), stage, model, sink)
        found = _third_run(Installation(data, given), stage)
    keep(EMBEDDED, found)
    pack(data, DATA / f"{EMBEDDED}.tar.xz")


def _anthropic(url: str) -> dict[str, str]:
    return {"ANTHROPIC_API_KEY": "imitated", "ANTHROPIC_BASE_URL": url}


@contextmanager
def _running(installation: Installation) -> Iterator[httpx2.Client]:
    installation.start("up", "--clock", "manual")
    try:
        installation.await_ready("up")
        with installation.client() as client:
            yield client
    finally:
        installation.stop()


def tokens(installation: Installation) -> dict[str, str]:
    """One that may do everything in communication, one that only reads, and two persons of gccp."""
    every = {surface: [part for class_ in classes for part in ("--limit", f"{class_}=1000000/min")]
             for surface, classes in LIMITS.items()}  # fmt: skip
    asked = {
        "ana": ("communication", "--subject", "ana", *every["communication"]),
        "reader": ("communication", "--subject", "ben", "--scope", "communication:read", *every["communication"]),
        **{name: ("gccp", "--subject", subject, *every["gccp"]) for name, subject in OWNERS.items()},
    }
    return {
        name: installation.says("keys", "issue", *options, "--days", HUNDRED_YEARS).strip()
        for name, options in asked.items()
    }


def _first_run(installation: Installation, twilio: TwilioImitation, sink: WebhookSink) -> Stage:
    with _running(installation) as client:
        recorder = Recorder(Asking(client, tokens(installation)), "embedded")
        stage = Stage(installation, recorder, twilio)
        course_scenes.endpoints(stage, sink)
        scenes.agree(stage, 101, 102, 103, 104, 112)
        scenes.messages(stage)
        scenes.consents(stage)
        scenes.preferences(stage)
        rarer_scenes.rarer(stage)
        scenes.failures(stage)
        scenes.reports(stage)
        done = course_scenes.courses(stage)
        course_scenes.webhooks(stage)
        scenes.refusals(stage, done, OWNERS["owner"])
        rarer_scenes.erasures(stage)
        installation.says("audit", "sign")
    return stage


def _spent(stage: Stage) -> float:
    sql = "select coalesce(sum(cost), 0)::bigint from read_models.communication_daily"
    with _running(stage.installation):
        return int(stage.installation.rows(sql)[0][0]) / 100_000_000


def _second_run(installation: Installation, stage: Stage, model: course_scenes.Model, sink: WebhookSink) -> None:
    """With hardly any money left, and a language model that fails."""
    stage.installation = installation
    sink.behave(failing(503, to="/hooks/gccp", times=None))
    with _running(installation) as client:
        stage.recorder.asking.client = client
        scenes.budget(stage)
        rarer_scenes.broken_talk(stage, model)
        course_scenes.broken_courses(stage, model)
        model.leave()
        stage.settle()


def _third_run(installation: Installation, stage: Stage) -> dict[str, Any]:
    """Nothing but reading, everything that waits having been put off for long."""
    stage.installation = installation
    with _running(installation) as client:
        stage.recorder.asking.client = client
        stage.settle()
        installation.write(WAITING)
        scenes.asked_after(stage)
        course_scenes.read_courses(stage)
        for context, id_ in stage.outcomes:
            by = "ana" if context == "communication" else "owner"
            stage.recorder.read(by, f"/{context}/outcomes/{id_}")
        for statement in COMPACT:
            installation.administer(statement)
        return _known(installation, stage)


def _known(installation: Installation, stage: Stage) -> dict[str, Any]:
    return {
        "revision": version("headwater"),
        "settings": SETTINGS,
        "tokens": stage.recorder.asking.tokens,
        "writes": [one.as_json() for one in stage.recorder.writes],
        "reads": [one.as_json() for one in stage.recorder.reads],
        "heads": heads(installation),
        "problems": problems(installation),
        "read_models": read_models(installation),
        "endpoints": {surface: installation.says("webhook", "list", surface) for surface in LIMITS},
        "tasks": [list(row) for row in installation.rows(OPEN)],
        "kept": stage.kept,
    }


if __name__ == "__main__":
    main()

"""The installation that was recorded, moved to Kafka, going on there, and stopped with commands still undecided."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from confluent_kafka import Producer

from streams.postgres.server import EmbeddedServer
from tests.imitations.twilio import TwilioImitation
from tests.streams.kafka.broker import Broker
from tests.upgrade import course_scenes, kafka_records, scenes
from tests.upgrade.exchanges import Asking, Recorder
from tests.upgrade.installation import Installation, heads, problems, read_models, wait
from tests.upgrade.packing import DATA, EMBEDDED, KAFKA, keep, known
from tests.upgrade.scenes import Stage

PREFIX = "recorded"
ROLES = ("projector", "processor", "worker", "api")
OUTCOME = "select count(*) from headwater.journal where command_id = %s"
LAG = """
    select coalesce(sum(p.sequence - c.sequence), 0)::int from headwater.partitions p
      join headwater.projections r on r.context = p.context and r.state = 'live'
      left join headwater.projection_checkpoints c on c.table_name = r.table_name and c.partition = p.partition
"""


def record_kafka(data: Path, settings: Mapping[str, str]) -> None:
    """Moves the data directory's installation, goes on, and writes down its topics, its keys and what it answers."""
    with Broker() as broker, TwilioImitation() as twilio, _postgres(data) as dsn:
        given = {**settings, "HEADWATER_KAFKA": broker.bootstrap, "HEADWATER_PREFIX": PREFIX, "HEADWATER_REPLICAS": "1",
                 "HEADWATER_MIN_INSYNC": "1", "HEADWATER_POSTGRES": dsn, "TWILIO_BASE_URL": twilio.url}  # fmt: skip
        installation = Installation(data, given)
        print(installation.says("move", "--to-kafka", broker.bootstrap))
        for role in ROLES:
            installation.start(role)
        try:
            installation.await_ready("api")
            with installation.client() as client:
                asking = Asking(client, known(EMBEDDED)["tokens"])
                stage = Stage(installation, Recorder(asking, "kafka"), twilio)
                _go_on(stage, broker.bootstrap)
                _leave_undecided(stage)
        finally:
            installation.stop()
        _write_down(stage, broker.bootstrap)


@contextmanager
def _postgres(data: Path) -> Iterator[str]:
    """The embedded server, run by this process."""
    server = EmbeddedServer(data / "postgres")
    try:
        yield server.dsn()
    finally:
        server.leave()


def _go_on(stage: Stage, bootstrap: str) -> None:
    """Requests decided by the processor, refusals among them, and a command that nobody can read."""
    for user in (201, 202):
        stage.post("/consent/email", {"user_id": user, "email": f"user{user}@example.com"})
        stage.users.add(user)
    sent = stage.send(201, "monthly_report", channel="email")
    wait(lambda: stage.status(sent)["status"] == "SUCCESS", "it has not gone out")
    stage.post(f"/cancel/{sent}", expect=400)
    later = stage.send(202, "monthly_report", scheduled_time=scenes.FAR)
    stage.post(f"/cancel/{later}")
    stage.post(f"/cancel/{later}", expect=400)
    stage.kept["scheduled"] = stage.send(202, "monthly_report", scheduled_time=scenes.FAR)
    stage.post("/preferences/201", {"time_zone": "Mars/Olympus"}, method="PUT", expect=400)
    course_scenes.generate(stage)
    _unreadable(stage, bootstrap)
    stage.installation.says("erase", "communication:114")


def _unreadable(stage: Stage, bootstrap: str) -> None:
    id_ = str(uuid4())
    headers = [("id", id_), ("name", "communication.message.of_another_world.v9"), ("actor", "test"),
               ("correlation", id_), ("fingerprint", "")]  # fmt: skip
    producer = Producer({"bootstrap.servers": bootstrap})
    producer.produce(f"{PREFIX}.communication.commands", b"{}", b"201", 0, headers=list(headers))
    assert producer.flush(20) == 0
    wait(lambda: stage.installation.rows(OUTCOME, id_) == [(1,)], "the unreadable command is not refused")


def _leave_undecided(stage: Stage) -> None:
    """What is read now is read for ever; then two requests come that no processor is there to decide."""
    course_scenes.read_courses(stage)
    wait(lambda: _still(stage.installation), "records still come")
    scenes.asked_after(stage)
    stage.installation.stop("worker", "processor")
    for user in (201, 203):
        body = {"user_id": user, "email": f"late{user}@example.com"}
        kept = stage.post("/consent/email", body, expect=202)
        stage.kept.setdefault("undecided", []).append([len(stage.recorder.writes) - 1, kept["details"]])


def _still(installation: Installation) -> bool:
    """Whether no task is due, and every read model has come to the end of the log."""
    return installation.rows("select count(*) from headwater.tasks where due_at <= now()") == [(0,)] and (
        installation.rows(LAG) == [(0,)]
    )


def _write_down(stage: Stage, bootstrap: str) -> None:
    installation = stage.installation
    keys = DATA / f"{KAFKA}.keys"
    keys.unlink(missing_ok=True)
    print(installation.says("keys", "backup", str(keys)))
    print(kafka_records.dump(bootstrap, PREFIX, DATA / f"{KAFKA}.jsonl.xz"), "records of Kafka")
    keep(KAFKA, {
        "settings": {name: value for name, value in installation.settings.items() if name in _GENERAL},
        "secrets": {name: (installation.data / name).read_text().strip() for name in ("master.key", "token.key")},
        "tokens": stage.recorder.asking.tokens,
        "writes": [one.as_json() for one in stage.recorder.writes],
        "reads": [one.as_json() for one in stage.recorder.reads],
        "heads": heads(installation),
        "problems": problems(installation),
        "read_models": read_models(installation),
        "kept": stage.kept,
    })  # fmt: skip


_GENERAL = frozenset({
    "HEADWATER_PARTITIONS", "HEADWATER_PUBLIC_URL", "HEADWATER_ALLOW_PRIVATE_WEBHOOKS", "TWILIO_ACCOUNT_SID",
    "TWILIO_AUTH_TOKEN", "TWILIO_FROM", "TWILIO_WEBHOOK_URL", "RESEND_WEBHOOK_SECRET", "GCCP_WEBHOOK_URL",
    "GCCP_WEBHOOK_SECRET",
})  # fmt: skip

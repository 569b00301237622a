"""Real single-node Apache Kafka broker (KRaft), started from the jars that `make test` fetches.

For developers, in the foreground: `python -m tests.streams.kafka.broker --port 19092 --data DIR`.
"""

from __future__ import annotations

import argparse
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

JARS = Path(__file__).parents[3] / "build" / "kafka" / "libs"
CLUSTER_ID = "aGVhZHdhdGVyLXRlc3QtMQ"  # base64 of sixteen bytes, as the storage tool wants it
JVM = ("-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dlog4j2.level=WARN")
READY_WITHIN = 60.0
STOPPED_WITHIN = 30.0

SETTINGS = """
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
controller.listener.names=CONTROLLER
listener.security.protocol.map={protocols},CONTROLLER:PLAINTEXT
listeners={listeners},CONTROLLER://127.0.0.1:{controller}
advertised.listeners={listeners}
inter.broker.listener.name={protocol}
log.dirs={data}/log
auto.create.topics.enable=false
broker.heartbeat.interval.ms=500
broker.session.timeout.ms=2000
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
group.consumer.heartbeat.interval.ms=500
group.consumer.min.heartbeat.interval.ms=500
group.consumer.min.session.timeout.ms=1000
offsets.topic.num.partitions=4
offsets.topic.replication.factor=1
share.coordinator.state.topic.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
transaction.state.log.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.abort.timed.out.transaction.cleanup.interval.ms=1000
"""


class Kafka(NamedTuple):
    """A broker shared by the tests of a session: name topics and groups uniquely, and never stop it."""

    bootstrap: str


@dataclass(frozen=True, slots=True)
class Listener:
    """How clients come in: a protocol, the broker's further settings for it, the passwords of its SCRAM users, the
    connection settings (librdkafka's names) of somebody who may do everything, and the ports of other protocols."""

    protocol: str = "PLAINTEXT"
    settings: str = ""
    passwords: Mapping[str, str] = field(default_factory=dict)
    connection: Mapping[str, str] = field(default_factory=dict)
    beside: Mapping[str, int] = field(default_factory=dict)


OPEN = Listener()


class NotStarted(Exception):
    """The broker ended or stayed silent; the text holds the end of what it printed."""


def missing() -> str | None:
    """Why no broker can be started here, or None when one can."""
    if shutil.which("java") is None:
        return "no Java"
    if not any(JARS.glob("kafka_*.jar")):
        return "no broker jars (`make test` fetches them where Maven is installed)"
    return None


def free_port() -> int:
    """A port that nobody listens on, outside the range the kernel gives to clients, so that a restart finds it free."""
    while True:
        port = random.randrange(20_000, 32_000)
        with socket.socket() as candidate:
            if candidate.connect_ex(("127.0.0.1", port)) != 0:
                return port


class Broker:
    """One broker on its own data directory (a temporary one unless given), not yet started.

    As a context manager it is started on entry, and on exit stopped and its temporary data removed. After `stop` or
    `kill` it can be started again, on the same port and the same data.
    """

    def __init__(self, port: int | None = None, data: Path | None = None, listener: Listener = OPEN) -> None:
        self._listener = listener
        self.port = port or free_port()
        self.bootstrap = f"127.0.0.1:{self.port}"
        self.data = data or Path(tempfile.mkdtemp(prefix="headwater-kafka-"))
        self._temporary = data is None
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and return once it serves clients. Raises NotStarted."""
        assert self._process is None, "already running"
        self._configure()
        with self._output.open("ab") as output:
            command = self._java("kafka.Kafka", str(self._settings))
            self._process = subprocess.Popen(command, stdout=output, stderr=output)
        self._await_ready(self._process)

    def stop(self) -> None:
        """End it in order; nothing happens when it isn't running."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(STOPPED_WITHIN)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._ended()

    def kill(self) -> None:
        """End it at once (SIGKILL), as a crash would."""
        assert self._process is not None, "not running"
        self._process.kill()
        self._ended()

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Stops it in the middle of whatever it does; what it is sent meanwhile it reads afterwards, unless killed."""
        assert self._process is not None, "not running"
        process = self._process
        process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            process.send_signal(signal.SIGCONT)

    def wait(self) -> int:
        """Wait for it to end by itself; its exit code."""
        assert self._process is not None, "not running"
        return self._process.wait()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()
        if self._temporary:
            shutil.rmtree(self.data)

    @property
    def _settings(self) -> Path:
        return self.data / "server.properties"

    @property
    def _output(self) -> Path:
        return self.data / "output.txt"

    def _configure(self) -> None:
        self.data.mkdir(parents=True, exist_ok=True)
        ports = {self._listener.protocol: self.port, **self._listener.beside}
        settings = SETTINGS.format(
            protocol=self._listener.protocol,
            protocols=",".join(f"{protocol}:{protocol}" for protocol in ports),
            listeners=",".join(f"{protocol}://127.0.0.1:{port}" for protocol, port in ports.items()),
            controller=free_port(),
            data=self.data.resolve(),
        )
        self._settings.write_text(settings + self._listener.settings)
        if (self.data / "log" / "meta.properties").exists():
            return
        format_ = ("format", "-t", CLUSTER_ID, "-c", str(self._settings), *self._scram())
        tool = self._java("kafka.tools.StorageTool", *format_)
        formatted = subprocess.run(tool, capture_output=True, text=True, check=False)
        if formatted.returncode != 0:
            raise NotStarted(formatted.stdout + formatted.stderr)

    def _scram(self) -> Iterator[str]:
        for name, password in self._listener.passwords.items():
            for mechanism in ("SCRAM-SHA-512", "SCRAM-SHA-256"):
                yield from ("--add-scram", f"{mechanism}=[name={name},password={password}]")

    def _java(self, *arguments: str) -> list[str]:
        return ["java", *JVM, "-cp", f"{JARS}/*", *arguments]

    def _await_ready(self, process: subprocess.Popen[bytes]) -> None:
        admin = AdminClient(
            {
                "bootstrap.servers": self.bootstrap,
                "log_level": 0,
                "reconnect.backoff.max.ms": 250,
                **self._listener.connection,
            }
        )
        deadline = time.monotonic() + READY_WITHIN
        while time.monotonic() < deadline and process.poll() is None:
            if _serves(admin):
                return
        self.stop()
        raise NotStarted(self._output.read_text(errors="replace")[-4000:])

    def _ended(self) -> None:
        assert self._process is not None
        self._process.wait()
        self._process = None


def _serves(admin: AdminClient) -> bool:
    try:
        return bool(admin.list_topics(timeout=0.5).brokers)
    except KafkaException:
        return False


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.streams.kafka.broker", description="Run one Kafka broker.")
    parser.add_argument("--port", type=int, default=19092)
    parser.add_argument("--data", type=Path, help="kept between runs; without it the data goes when the broker ends")
    arguments = parser.parse_args()
    if reason := missing():
        parser.exit(1, f"{reason}\n")
    with Broker(arguments.port, arguments.data) as broker:
        print(f"Kafka is ready on {broker.bootstrap}; its data is in {broker.data}. Ctrl-C ends it.", flush=True)
        try:
            broker.wait()
        except KeyboardInterrupt:
            print("stopping", flush=True)


if __name__ == "__main__":
    main()

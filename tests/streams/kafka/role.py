"""Process that runs a role of the shelf's distributed runtime, with options for fault tests.

The options are a weak protocol, a signal at a transaction point, and small batches and limits.
"""

from __future__ import annotations

import argparse
import logging
import os
import random
import signal
import time
from collections.abc import Callable

from streams.kafka.process import RoleProcess, serve
from streams.kafka.processor import KafkaProcessor
from streams.kafka.projector import KafkaProjector
from streams.kafka.settings import Cluster, Role, connection_settings
from streams.kafka.transactions import TransactionPoint
from tests.contract.shelf import SHELF
from tests.streams.kafka.protocols import WEAKNESSES, protocol_of

SMALL_BATCH = 20
"""Full nearly always under load, so that a projector writes one batch while it decodes the next."""


def main() -> int:
    arguments = _arguments()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    cluster = Cluster(arguments.bootstrap, arguments.prefix, connection_settings(os.environ))
    role = Role(cluster, arguments.dsn, arguments.name, bytes(32), arguments.partitions)
    return serve(_process(role, arguments))


def _process(role: Role, arguments: argparse.Namespace) -> RoleProcess:
    if arguments.role == "projector":
        return KafkaProjector(role, [SHELF], arguments.batch)
    reached = _ending(arguments.at, arguments.signal, arguments.chance, arguments.then_sleep)
    protocol = protocol_of(WEAKNESSES.get(arguments.protocol), role.cluster)
    return KafkaProcessor(role, [SHELF], protocol, reached, arguments.overlay, arguments.transaction_seconds)


def _ending(
    at: TransactionPoint | None, number: int, chance: float, then_sleep: float
) -> Callable[[TransactionPoint], None]:
    """Sends this process the signal, once, at the given step; woken again, it first sleeps for so many seconds."""
    left = [1]

    def reached(step: TransactionPoint) -> None:
        if step is at and left[0] and random.random() < chance:
            left[0] = 0
            os.kill(os.getpid(), number)
            time.sleep(then_sleep)

    return reached


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    for name in ("role", "name", "bootstrap", "prefix", "dsn"):
        parser.add_argument(name)
    parser.add_argument("partitions", type=int)
    parser.add_argument("--protocol", choices=WEAKNESSES)
    parser.add_argument("--at", type=TransactionPoint)
    parser.add_argument("--signal", type=int, default=int(signal.SIGKILL))
    parser.add_argument("--chance", type=float, default=1.0)
    parser.add_argument("--then-sleep", type=float, default=0.0)
    parser.add_argument("--transaction-seconds", type=float, default=10.0)
    parser.add_argument("--batch", type=int, default=SMALL_BATCH)
    parser.add_argument("--overlay", type=int, default=100_000)
    return parser.parse_args()


if __name__ == "__main__":
    code = main()
    logging.shutdown()
    os._exit(code)  # as a supervisor's child ends: clients that nobody closed would crash while OpenSSL is taken down

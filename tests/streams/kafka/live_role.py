"""Process that runs `headwater live` for the shelf and serves its counts on the given port."""

from __future__ import annotations

import asyncio
import logging
import sys
from datetime import timedelta

from streams.core.clock import SystemClock
from streams.kafka.live import Live
from streams.kafka.live_http import serve_live
from streams.kafka.settings import Cluster
from streams.telemetry.live_figures import Delivery
from tests.contract.runtimes import PARTITIONS

EVER = timedelta(days=3650)
"""The shelf's events are of a fixed day."""

FILLING = Delivery("shelf", frozenset({"shelf.jar.opened.v1"}), frozenset({"shelf.jar.filled.v1"}), frozenset())


def main() -> None:
    bootstrap, prefix, port = sys.argv[1:]
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    live = Live(Cluster(bootstrap, prefix), ["shelf"], PARTITIONS, [FILLING], SystemClock(), kept=EVER)
    asyncio.run(serve_live(live, "127.0.0.1", int(port)))


if __name__ == "__main__":
    main()

"""Process that runs a role of the shelf's distributed runtime under its supervisor, as `headwater processor` does."""

from __future__ import annotations

import logging
import sys

from streams.kafka.supervisor import Supervisor
from tests.streams.kafka.role import main

if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    sys.exit(Supervisor(main).run())

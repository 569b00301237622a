"""A role of the shelf's distributed runtime under its supervisor, as `headwater processor` runs it."""

from __future__ import annotations

import logging
import os
import sys

from streams.kafka.supervise import Supervisor

if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    sys.exit(Supervisor([sys.executable, "-m", "tests.kafka.role", *sys.argv[1:]], os.environ).run())

"""All benchmarks, one after the other, with short settings: `python -m bench`."""

from __future__ import annotations

import subprocess
import sys

ALL = (
    "bench.core",
    "bench.http",
    "bench.pdf",
    "bench.gccp",
    "bench.kafka_latency",
    "bench.sockets",
    "bench.live",
    "bench.participants",
    "bench.lists",
    "bench.jobs",
    "bench.campaigns",
    "bench.retrieval",
)

for module in ALL:
    subprocess.run([sys.executable, "-m", module], check=True)

"""placeholder"""

from __future__ import annotations
from collections.abc import Mapping
from pathlib import Path


def record_kafka(data: Path, settings: Mapping[str, str]) -> None: ...

"""The screen of a start, which has to fit a terminal and shows no secret."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

import bootstrap
from commandline.first_requests import screen
from settings import Settings

LINES, COLUMNS = 24, 80
FIVE = ["communication", "gccp", "content_generator", "creator_hub", "fifth_product"]


@pytest.fixture(autouse=True)
def _started_by_make(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", [".venv/bin/headwater", "up"])


@pytest.mark.parametrize("surfaces", [list(bootstrap.SURFACES), FIVE])
def test_a_start_fits_a_screen_with_every_surface_and_its_first_request(surfaces: list[str]) -> None:
    lines = screen(Settings(data=Path("headwater-data"), host="127.0.0.1", port=8000), surfaces).split("\n")
    assert len(lines) <= LINES
    assert max(map(len, lines)) <= COLUMNS
    for mount in (surface.replace("_", "-") for surface in surfaces):
        assert [line for line in lines if line.endswith(f"http://127.0.0.1:8000/{mount}/docs")]
        assert f'  eval "$(.venv/bin/headwater first-request {mount})"' in lines


def test_a_first_request_asked_for_in_another_terminal_finds_the_same_installation() -> None:
    settings = Settings(data=Path("my data"), host="::1", port=9000)
    (line,) = (line for line in screen(settings, ["gccp"]).split("\n") if line.startswith("  eval"))
    command = shlex.split(line)[1].removeprefix("$(").removesuffix(")")
    *given, program, action, surface = shlex.split(command)
    assert given == ["HEADWATER_DATA=my data", "HEADWATER_HOST=::1", "HEADWATER_PORT=9000"]
    assert (program, action, surface) == (".venv/bin/headwater", "first-request", "gccp")

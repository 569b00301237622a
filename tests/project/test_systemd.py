"""The systemd examples: every process restarts by itself after any exit."""

from __future__ import annotations

from configparser import ConfigParser
from pathlib import Path

import pytest

UNITS = sorted((Path(__file__).parents[2] / "deploy" / "systemd").glob("*.service"))


def read(unit: Path) -> ConfigParser:
    parser = ConfigParser(interpolation=None, strict=False)  # a unit may have several EnvironmentFiles
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(unit.read_text())
    return parser


def test_there_is_a_unit_for_each_runtime() -> None:
    assert [unit.name for unit in UNITS] == ["headwater.service", "headwater@.service"]


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_unit_restarts_always_and_runs_without_privileges(unit: Path) -> None:
    service = read(unit)["Service"]
    assert service["Restart"] == "always"
    assert service["User"] == "headwater"
    assert service["NoNewPrivileges"] == "true"


def test_the_template_runs_the_command_of_its_instance_under_its_own_stable_name() -> None:
    service = read(UNITS[1])["Service"]
    assert service["ExecStart"].split()[1:] == ["%i"]
    assert service["Environment"].split()[0] == "HEADWATER_INSTANCE=%i-%H"


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_units_keep_their_data_in_one_folder(unit: Path) -> None:
    """What was moved to Kafka finds its secrets where they were."""
    service = read(unit)["Service"]
    assert "HEADWATER_DATA=/var/lib/headwater" in service["Environment"].split()
    assert service["StateDirectory"] == "headwater"

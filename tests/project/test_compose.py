"""The Compose file, checked against the Compose Specification's schema and the architecture."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OWN = ("api", "processor", "projector", "worker", "live")


def test_the_compose_file_satisfies_the_specification() -> None:
    schema = json.loads((Path(__file__).parent / "compose-spec.json").read_text())
    faults = [f"{error.json_path}: {error.message}" for error in Draft7Validator(schema).iter_errors(COMPOSE)]
    assert faults == []


def test_the_services_are_the_log_its_topics_the_database_and_the_processes() -> None:
    assert set(SERVICES) == {"kafka", "topics", "postgres", *OWN}


def test_topics_are_made_once_before_anybody_needs_them_and_as_one_broker_can_keep_them() -> None:
    assert SERVICES["topics"]["command"] == ["topics", "create"]
    assert SERVICES["topics"]["restart"] == "no"
    for service in ("topics", *OWN):
        assert SERVICES[service]["environment"]["HEADWATER_REPLICAS"] == "1"
        assert SERVICES[service]["environment"]["HEADWATER_MIN_INSYNC"] == "1"


def test_every_process_has_the_same_secrets() -> None:
    (mount,) = {tuple(SERVICES[service]["volumes"]) for service in OWN}
    assert mount == ("secrets:/var/lib/headwater/headwater-data",)


@pytest.mark.parametrize("service", [name for name in SERVICES if name != "topics"])
def test_every_service_restarts_and_says_whether_it_is_well(service: str) -> None:
    assert SERVICES[service]["restart"] == "unless-stopped"
    assert SERVICES[service]["healthcheck"]["test"][0] in {"CMD", "CMD-SHELL"}


@pytest.mark.parametrize("service", OWN)
def test_every_process_is_the_command_of_its_name_and_waits_for_log_and_database(service: str) -> None:
    process = SERVICES[service]
    assert process["command"] == [service]
    assert process["build"] == "."
    assert {name: need["condition"] for name, need in process["depends_on"].items()} == {
        "kafka": "service_healthy",
        "postgres": "service_healthy",
        "topics": "service_completed_successfully",
    }
    assert process["environment"].keys() >= {"HEADWATER_KAFKA", "HEADWATER_POSTGRES"}


@pytest.mark.parametrize("service", OWN)
def test_instances_do_not_share_a_name_however_many_there_are(service: str) -> None:
    """Without one of its own a process has its container's."""
    assert "HEADWATER_INSTANCE" not in SERVICES[service]["environment"]
    assert "container_name" not in SERVICES[service]


@pytest.mark.parametrize("service", OWN)
def test_every_process_is_asked_for_its_own_health(service: str) -> None:
    process = SERVICES[service]
    port = process["environment"]["HEADWATER_PORT" if service in ("api", "live") else "HEADWATER_METRICS_PORT"]
    assert f"http://127.0.0.1:{port}/health" in process["healthcheck"]["test"][-1]


def test_images_are_pinned_and_the_password_has_no_default_and_may_hold_any_character() -> None:
    images = [service["image"] for service in SERVICES.values()]
    images += re.findall(r"^FROM (\S+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert [image for image in images if not re.search(r":\d+\.\d+", image)] == []
    needed = "${HEADWATER_POSTGRES_PASSWORD:?set it in .env}"
    assert SERVICES["postgres"]["environment"]["POSTGRES_PASSWORD"] == needed
    for service in OWN:
        assert SERVICES[service]["environment"]["PGPASSWORD"] == needed
        assert "PASSWORD" not in SERVICES[service]["environment"]["HEADWATER_POSTGRES"]


def test_every_named_volume_that_is_mounted_is_declared() -> None:
    mounted = {mount.partition(":")[0] for service in SERVICES.values() for mount in service.get("volumes", [])}
    assert mounted == set(COMPOSE["volumes"])

"""What pages name exists: files, tests, links, `headwater` commands, settings, metrics."""

from __future__ import annotations

import ast
import importlib
import re
import shlex
from collections.abc import Iterator
from functools import cache
from itertools import product as combinations
from pathlib import PurePosixPath
from typing import Any

import pytest
import typer
from prometheus_client import REGISTRY
from pydantic_settings import BaseSettings

import cli
import streams.kafka.gauges
import streams.telemetry.metrics  # noqa: F401 - counted from the import on
from api.mounts import mount_of
from bootstrap import SURFACES
from connectors.settings import WebhookSettings
from products import PRODUCTS
from tests.project.pages import LANGUAGES, ROOT, blocks, is_excerpt, pages, prose, text_of, tracked

SPAN = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\[[^]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
VARIABLE = re.compile(r"\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b")
METRIC = re.compile(r"\bheadwater_[a-z_]+\b")
COMMAND = re.compile(r"\bheadwater [\w-](?:(?! [&|>])[^\n)])*")
"""As far as a bracket, a pipe or an ampersand."""

FILE = re.compile(r"[\w./<>*{},-]*\.(?:py|md|jsonl?|toml|yml|lock|xml|service|typ|jinja|mjml)")
MADE_ELSEWHERE = {"verify_export.py", "keys.jsonl", "manifest.json"}
"""Files that a command makes."""

EVERYWHERE = "README.md"
PASSED_THROUGH = re.compile(r"HEADWATER_KAFKA_[A-Z_]+")
NO_METRICS = {"headwater_reference"}
OF_TESTS_AND_COMPOSE = {"HEADWATER_TEST_KAFKA", "HEADWATER_TEST_RECIPIENTS", "HEADWATER_POSTGRES_PASSWORD"}
SETTINGS = ("settings", "connectors.settings", *(f"products.{product.name}" for product in PRODUCTS))
PAGES = pages()


@cache
def folders() -> frozenset[str]:
    return frozenset(str(parent) for path in tracked() for parent in PurePosixPath(path).parents)


@cache
def made_by(page: str) -> frozenset[str]:
    """The files that a page's own blocks make."""
    return frozenset(block.path for block in blocks(page) if block.path is not None)


def expanded(pattern: str) -> Iterator[str]:
    """`a/{b,c}.py` as `a/b.py` and `a/c.py`."""
    parts = [part.split(",") for part in re.split(r"[{}]", pattern)]
    choices = [part if number % 2 else [",".join(part)] for number, part in enumerate(parts)]
    yield from ("".join(chosen) for chosen in combinations(*choices))


def exists(path: str) -> bool:
    """Whether a file or folder of the tree has this path; `<context>` and `*` stand for anything but a slash."""
    wanted = re.compile(re.sub(r"<\w+>|\\\*", "[^/]+", re.escape(path).replace(r"\<", "<").replace(r"\>", ">")))
    whole = any(wanted.fullmatch(one) for one in (*tracked(), *folders()))
    return whole or ("/" not in path and any(wanted.fullmatch(PurePosixPath(one).name) for one in tracked()))


def named_files(page: str) -> Iterator[str]:
    """The files and folders that a page names in backticks, each with the test in it that it may name."""
    rooms = {PurePosixPath(path).parts[0] for path in tracked() if "/" in path}
    for span in SPAN.findall(prose(page)):
        path, _, test = span.partition("::")
        in_a_room = "/" in path and path.split("/")[0] in rooms and re.fullmatch(r"[\w./<>*{},-]+", path)
        if (in_a_room or FILE.fullmatch(path)) and path not in MADE_ELSEWHERE | made_by(page):
            yield from (f"{one.rstrip('/')}::{test}" for one in expanded(path))


@pytest.mark.parametrize("page", PAGES)
def test_every_file_that_a_page_names_exists(page: str) -> None:
    assert [one for one in named_files(page) if not exists(one.partition("::")[0])] == []


@pytest.mark.parametrize("page", PAGES)
def test_every_test_that_a_page_names_exists(page: str) -> None:
    named = [one.split("::") for one in named_files(page) if not one.endswith("::")]
    assert [test for file, test in named if test not in functions_of(file)] == []


@cache
def functions_of(file: str) -> set[str]:
    tree = ast.parse((ROOT / file).read_text())
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


@pytest.mark.parametrize("page", PAGES)
def test_every_link_of_a_page_leads_somewhere(page: str) -> None:
    links = [link for link in LINK.findall(prose(page)) if "://" not in link]
    assert [link for link in links if not leads(page, link)] == []


def leads(page: str, link: str) -> bool:
    target, _, anchor = link.partition("#")
    path = (ROOT / page).parent.joinpath(target).resolve() if target else ROOT / page
    if not path.exists():
        return False
    return not anchor or anchor in {anchor_of(heading) for heading in HEADING.findall(path.read_text())}


def anchor_of(heading: str) -> str:
    """As GitHub makes it."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def commands_of(page: str) -> Iterator[str]:
    """Every `headwater …` that a page names in backticks or shows in a block of commands."""
    yield from (span for span in SPAN.findall(prose(page)) if span.startswith("headwater "))
    for block in blocks(page):
        lines = re.sub(r"\\\n", " ", block.text).splitlines() if block.language == "sh" else []
        yield from (found[0] for line in lines if (found := COMMAND.search(line)))


@pytest.mark.parametrize("page", PAGES)
def test_every_command_that_a_page_names_is_one_of_headwaters(page: str) -> None:
    assert [(command, why) for command in commands_of(page) if (why := refused(command)) is not None] == []


def refused(line: str) -> str | None:
    """Why `headwater` would not know this command; the values of its arguments are not looked at."""
    words = [word.strip("[]") for word in shlex.split(line, comments=True)[1:]]
    command: Any = typer.main.get_command(cli.app)
    while words and hasattr(command, "commands"):
        names = words.pop(0).split("|")
        if set(names) <= {"--help", "…"}:
            return None
        if unknown := [name for name in names if name not in command.commands]:
            return f"no command {unknown[0]}"
        command = command.commands[names[0]]
    arguments = [word for word in words if word != "…"]
    try:
        left = command.make_parser(command.make_context(command.name, [], resilient_parsing=True)).parse_args(arguments)
    except Exception as error:  # noqa: BLE001 - whatever the parser says is the answer
        return str(error)
    return f"{left[1]} left over" if left[1] else None


def test_the_readmes_table_of_surfaces_is_what_is_served() -> None:
    table = text_of(EVERYWHERE).partition("\n## What it serves\n")[2].partition("\n## ")[0]
    assert set(re.findall(r"^\| ([\w-]+) \| `/", table, re.MULTILINE)) == set(map(mount_of, SURFACES))


@pytest.mark.parametrize("surface", SURFACES)
def test_the_help_of_the_command_names_every_surface(surface: str) -> None:
    assert mount_of(surface) in str(cli.app.info.help)


def variables() -> set[str]:
    """Every environment variable that the settings of the process, the providers and the products read."""
    own = {variable for kind in settings_classes() for variable in variables_of(kind)}
    surfaces = [product.name.upper() for product in PRODUCTS if product.webhooks is not None]
    return own | {f"{surface}_WEBHOOK_{part}" for surface in surfaces for part in ("URL", "SECRET")}


def settings_classes() -> list[type[BaseSettings]]:
    """The classes of settings, but for the one whose variables begin with a surface's name."""
    modules = [importlib.import_module(name) for name in SETTINGS]
    found = [kind for module in modules for kind in vars(module).values() if isinstance(kind, type)]
    return [kind for kind in found if issubclass(kind, BaseSettings) and kind not in (BaseSettings, WebhookSettings)]


def variables_of(kind: type[BaseSettings]) -> list[str]:
    prefix = kind.model_config.get("env_prefix", "")
    fields = kind.model_fields.items()
    return [str(field.validation_alias or f"{prefix}{name}".upper()) for name, field in fields]


def test_the_readmes_table_of_settings_is_the_settings_that_are_read() -> None:
    table = text_of(EVERYWHERE).partition("\n## Settings\n")[2].partition("\n## ")[0]
    listed = {name for line in table.splitlines() if line.startswith("| `") for name in named_in(line)}
    assert listed == variables()


@pytest.mark.parametrize("page", PAGES)
def test_every_setting_that_a_page_names_is_read(page: str) -> None:
    assert named_in(text_of(page)) - variables() - OF_TESTS_AND_COMPOSE == set()


def named_in(text: str) -> set[str]:
    """The variables of this program in a text: their first part is that of a variable that is read."""
    first = {variable.partition("_")[0] for variable in variables()}
    found = {name for name in VARIABLE.findall(text) if name.partition("_")[0] in first}
    records = {product.name.upper() for product in PRODUCTS}
    return {name for name in found - records if PASSED_THROUGH.fullmatch(name) is None}


@pytest.mark.parametrize("page", PAGES)
def test_every_metric_that_a_page_names_is_counted(page: str) -> None:
    counted = {sample for metric in REGISTRY.collect() for sample in (metric.name, f"{metric.name}_total")}
    assert {name for name in METRIC.findall(text_of(page)) if name not in counted | NO_METRICS} == set()


@pytest.mark.parametrize("page", PAGES)
def test_every_block_of_a_page_is_closed_and_of_a_known_kind(page: str) -> None:
    assert text_of(page).count("\n```") == 2 * len(blocks(page))
    assert {block.language for block in blocks(page)} <= LANGUAGES


@pytest.mark.parametrize("page", PAGES)
def test_every_excerpt_that_a_page_shows_is_in_the_file(page: str) -> None:
    shown = [block for block in blocks(page) if block.path is not None and (ROOT / block.path).exists()]
    wrong = [block.path for block in shown if not is_excerpt(block.code, (ROOT / str(block.path)).read_text())]
    assert wrong == []

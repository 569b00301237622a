"""E-mails and pages from the outline of a document, by templates that stay as they are once used.

Templates are files beside this module, `<part>_<name>.jinja` in a directory per version; text in them is escaped.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files
from typing import NamedTuple

from jinja2 import BaseLoader, Environment, StrictUndefined, Template, TemplateNotFound
from jinja2.sandbox import SandboxedEnvironment
from markupsafe import Markup

from content.content_generator.categories import CATEGORY_LABELS
from content.content_generator.markup import html_of
from content.content_generator.plain_text import text_of
from content.content_generator.sections import Outline, Section
from domain.content_generator.composed import LARGEST_HTML, TooLarge
from domain.content_generator.kinds import TemplateName
from domain.social.text import shortened

LONGEST_PREVIEW = 140
DEEPEST_HEADING = 6
_TEMPLATE = re.compile(r"([a-z]+)@([1-9][0-9]*)")


class UnknownTemplate(Exception):
    """No template has that name and version."""


class Shown(NamedTuple):
    """A section as templates show it. `label` is its category, where the document has several."""

    heading: str
    depth: int
    label: str
    body: Markup


def version_of(template: str) -> int:
    """The version in `name@version`; raises UnknownTemplate."""
    return _name_and_version(template)[1]


def mail_html(outline: Outline, template: str) -> str:
    """The HTML of an e-mail; raises UnknownTemplate, TooLarge."""
    preview = shortened(outline.lead_line, LONGEST_PREVIEW)
    values = {"title": outline.title, "preview": preview, "sections": _shown(outline)}
    return rendered("mail", template, values, "email.html")


def page_html(outline: Outline, template: str) -> str:
    """The HTML of a page, an article without its title; raises UnknownTemplate, TooLarge."""
    return rendered("page", template, {"sections": _shown(outline)}, "web.html")


def mail_text(outline: Outline) -> str:
    """The plain text of an e-mail."""
    return "\n\n".join([_underlined(outline.title, "="), *filter(None, map(_section_text, outline.sections))]) + "\n"


def rendered(part: str, template: str, values: Mapping[str, object], called: str) -> str:
    """A template with values; raises UnknownTemplate, and TooLarge naming what it is `called`."""
    name, version = _name_and_version(template)
    html = _template(f"{part}_{name}", version).render(values).strip() + "\n"
    size = len(html.encode())
    if size > LARGEST_HTML:
        raise TooLarge(called, size, LARGEST_HTML)
    return html


def _section_text(section: Section) -> str:
    parts = (_underlined(section.heading, "-"), text_of(section.blocks))
    return "\n\n".join(part for part in parts if part)


def _underlined(heading: str, sign: str) -> str:
    return f"{heading}\n{sign * min(len(heading), 60)}" if heading else ""


def _shown(outline: Outline) -> list[Shown]:
    levels = [section.level for section in outline.sections if section.heading]
    top = min(levels, default=1)
    several = len({section.category for section in outline.sections if section.blocks}) > 1
    return [
        Shown(
            heading=section.heading,
            depth=min(2 + section.level - top, DEEPEST_HEADING) if section.heading else 2,
            label=CATEGORY_LABELS[section.category] if several and section.heading and section.blocks else "",
            body=html_of(section.blocks),
        )
        for section in outline.sections
    ]


def _name_and_version(template: str) -> tuple[str, int]:
    found = _TEMPLATE.fullmatch(template)
    if found is None or found[1] not in set(TemplateName) or len(found[2]) > 3:
        raise UnknownTemplate(template)
    return found[1], int(found[2])


class _Files(BaseLoader):
    """Templates by `v<version>/<part>_<name>`."""

    def get_source(self, environment: Environment, template: str) -> tuple[str, str, Callable[[], bool]]:
        try:
            source = files("content.content_generator").joinpath(f"{template}.jinja").read_text(encoding="utf-8")
        except OSError:
            raise TemplateNotFound(template) from None
        return source, template, lambda: True


_PAGES = SandboxedEnvironment(
    loader=_Files(), undefined=StrictUndefined, autoescape=True, trim_blocks=True, lstrip_blocks=True
)


@cache
def _template(name: str, version: int) -> Template:
    try:
        return _PAGES.get_template(f"v{version}/{name}")
    except TemplateNotFound:
        raise UnknownTemplate(f"{name}@{version}") from None

"""The pages that show a surface's OpenAPI, which load nothing from elsewhere."""

from __future__ import annotations

import re
from typing import Any

import httpx2
import pytest

import bootstrap
from tests.api.product import Served

LOADED = re.compile(r"""(?:src|href|spec-url|url)\s*[=:]\s*["']([^"']+)["']""")
ANYWHERE_ELSE = re.compile(r"https?://(?!127\.0\.0\.1)")
PAGES = ("docs", "redoc")


def get(product: Served, path: str, **headers: str) -> Any:
    answer = httpx2.get(f"{product.root}{path}", headers=headers, timeout=60)
    assert answer.status_code == 200, path
    return answer


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("surface", bootstrap.SURFACES)
def test_a_page_loads_everything_from_the_surface_itself(product: Served, surface: str, page: str) -> None:
    prefix = f"/{surface}"
    html = get(product, f"{prefix}/{page}").text
    assert not ANYWHERE_ELSE.search(html)
    loaded = [path for path in LOADED.findall(html) if not path.startswith("data:")]
    assert f"{prefix}/openapi.json" in loaded
    assert any(path.endswith(".js") for path in loaded)
    for path in loaded:
        assert len(get(product, path).content) > 1000


@pytest.mark.parametrize("page", PAGES)
def test_at_the_root_of_its_own_host_a_page_loads_from_that_root(product: Served, page: str) -> None:
    host = {"Host": "communication.localhost"}
    loaded = [path for path in LOADED.findall(get(product, f"/{page}", **host).text) if not path.startswith("data:")]
    assert all(path.startswith(("/openapi.json", f"/{page}/")) for path in loaded)
    for path in loaded:
        get(product, path, **host)


def test_the_pages_keep_what_they_show_to_themselves(product: Served) -> None:
    assert '"validatorUrl": null' in get(product, "/communication/docs").text
    assert "cdn.redoc.ly" not in get(product, "/communication/redoc/redoc.standalone.js").text


@pytest.mark.parametrize("path", ["/docs/nothing.js", "/redoc/%2e%2e/%2e%2e/standalone_docs.py"])
def test_no_other_file_is_to_be_had(product: Served, path: str) -> None:
    answer = httpx2.get(f"{product.root}/communication{path}", timeout=60)
    assert (answer.status_code, answer.json()["error"]) == (404, "Not found")

"""The whole product as an operator starts it, and what it tells a newcomer to try first."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import httpx2

from products.gccp import FIRST_REQUEST
from tests.faults.product import Product

USER = "550e8400-e29b-41d4-a716-446655440001"


def test_the_first_request_works_as_it_is_printed(tmp_path: Path) -> None:
    product = Product(tmp_path / "data")
    product.start()
    try:
        token = product.run("keys", "issue", "gccp", "--subject", USER).strip()
        script = FIRST_REQUEST.format(base=product.url, token=token)
        printed = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True, timeout=60)
        lines = printed.stdout.splitlines()
        assert [line for line in lines if line.startswith("event: ")][-1] == "event: completed"
        told = json.loads(lines[-1])
        assert told["content"]["markdown"].count("#") > 1
        assert '"status":"queued"' in printed.stderr
        _at_the_root_of_its_own_host(product, token)
    finally:
        assert product.stop() == 0
    assert not (product.data / "postgres" / "postmaster.pid").exists(), "its database server was left running"


def _at_the_root_of_its_own_host(product: Product, token: str) -> None:
    headers = {"Host": "gccp.localhost", "Authorization": f"Bearer {token}"}
    answer = httpx2.post(f"{product.url}/api/export/pdf", json={"content": "# Hello"}, headers=headers, timeout=60)
    assert answer.content.startswith(b"%PDF-")

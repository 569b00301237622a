"""The issue of tokens, for `headwater keys issue`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import bootstrap
from api.auth import parse_limit
from commandline import Stop
from products.product import Product
from settings import Settings


def issue_token(
    settings: Settings,
    surface: str,
    subject: str,
    scopes: Sequence[str] | None,
    limits: Sequence[str],
    lifetime: timedelta | None,
) -> str:
    """A token for a surface; raises Stop for a surface, scope or limit that does not exist."""
    product = bootstrap.product_of(surface)
    if product is None:
        raise Stop(f"there is no surface {surface!r}; there are: {', '.join(sorted(bootstrap.SURFACES))}")
    known = product.credential.scopes
    if unknown := set(scopes or ()) - set(known):
        raise Stop(f"{surface} has no scope {', '.join(sorted(unknown))}; it has: {', '.join(known)}")
    raised = dict(_limit(product, text) for text in limits)
    credential = product.credential
    return bootstrap.tokens(settings, bootstrap.canonical(surface)).issue(
        subject, scopes or credential.default, datetime.now(UTC), lifetime or credential.lifetime, raised
    )


def _limit(product: Product, text: str) -> tuple[str, str]:
    try:
        class_, limit = parse_limit(text)
    except ValueError as error:
        raise Stop(str(error)) from None
    if class_ not in product.limits:
        raise Stop(f"{product.name} has no limit class {class_!r}; it has: {', '.join(product.limits)}")
    return class_, limit

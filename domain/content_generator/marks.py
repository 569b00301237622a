"""Marks: what stands for a person where the address or client id itself must not, by kind and tenant.

A mark is a hex HMAC-SHA-256 under the installation's secret of kind, tenant, and lower-cased address or client id.
"""

from __future__ import annotations

import re
from collections.abc import Callable

RECIPIENT, CLIENT = "recipient", "client"
"""The kinds of people: who gets campaigns, and who takes part in live sessions."""

MARK = re.compile("[0-9a-f]{64}")

Pseudonym = Callable[[str, str, str], str]
"""The pseudonym of a value within its kind and tenant, under the installation's secret."""


def recipient_mark(pseudonym: Pseudonym, tenant: str, address: str) -> str:
    """The mark of a recipient's address; upper and lower case are one."""
    return pseudonym(RECIPIENT, tenant, address.strip().lower())


def client_mark(pseudonym: Pseudonym, tenant: str, client_id: str) -> str:
    """The mark of a client of live sessions."""
    return pseudonym(CLIENT, tenant, client_id)


def marks_of(pseudonym: Pseudonym, tenant: str, value: str) -> tuple[str, str]:
    """The marks of an address or client id, where it is not said which of the two it is."""
    return recipient_mark(pseudonym, tenant, value), client_mark(pseudonym, tenant, value.strip())

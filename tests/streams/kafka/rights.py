"""Rights on a secured broker: read from the operator's page, granted and revoked."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from kafka.admin import (
    ACL,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    KafkaAdminClient,
    ResourcePattern,
    ResourceType,
)

from streams.kafka.settings import Cluster

KINDS = {"topic", "group", "transactional-id"}


def right(user: str, kind: str, name: str, operation: str) -> ACL:
    """By the names of `kafka-acls.sh`, but for the operation's; a name that ends in * stands for all that begin so."""
    pattern = ACLResourcePatternType.PREFIXED if name.endswith("*") else ACLResourcePatternType.LITERAL
    resource = ResourcePattern(ResourceType[kind.replace("-", "_").upper()], name.removesuffix("*"), pattern)
    return ACL(f"User:{user}", "*", _operation(operation), ACLPermissionType.ALLOW, resource)


def _operation(name: str) -> ACLOperation:
    """`DescribeConfigs` is `DESCRIBE_CONFIGS`."""
    return ACLOperation["".join(f"_{letter}" if letter.isupper() else letter for letter in name).lstrip("_").upper()]


def documented(page: Path, contexts: Sequence[str], prefix: str = "headwater") -> list[ACL]:
    """The rights in a page's table of who, resource, name and operations, for an installation of this prefix."""
    rows = [[cell.strip(" `") for cell in line.split("|")[1:-1]] for line in page.read_text().splitlines()]
    found = []
    for user, kind, name, operations in (row for row in rows if len(row) == 4 and row[1] in KINDS):
        names = {name.replace("<context>", context).replace("headwater", prefix, 1) for context in contexts}
        found += [right(user, kind, one, operation) for one in sorted(names) for operation in operations.split(", ")]
    return found


def grant(cluster: Cluster, rights: Iterable[ACL]) -> None:
    """As a user who may, gives these rights; returns when the broker knows of them."""
    with KafkaAdminClient(**cluster.admin()) as admin:
        given = list(rights)
        assert not admin.create_acls(given)["failed"]
        _known(admin, given, 1)


def withdraw(cluster: Cluster, rights: Iterable[ACL]) -> None:
    """Takes rights that were given away again; returns when the broker knows of it."""
    with KafkaAdminClient(**cluster.admin()) as admin:
        taken = list(rights)
        admin.delete_acls(taken)
        _known(admin, taken, 0)


def _known(admin: KafkaAdminClient, rights: Iterable[ACL], each: int) -> None:
    """The controller answers before the broker has heard."""
    deadline = time.monotonic() + 60
    while any(len(admin.describe_acls(one)[0]) != each for one in rights):
        assert time.monotonic() < deadline, "the broker does not hear of its rights"
        time.sleep(0.01)

"""Rights on a secured broker: read from the operator's page, given and taken away."""

from __future__ import annotations

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


def documented(page: Path, contexts: Sequence[str]) -> list[ACL]:
    """The rights in a page's table of who, resource, name and operations."""
    rows = [[cell.strip(" `") for cell in line.split("|")[1:-1]] for line in page.read_text().splitlines()]
    found = []
    for user, kind, name, operations in (row for row in rows if len(row) == 4 and row[1] in KINDS):
        names = {name.replace("<context>", context) for context in contexts}
        found += [right(user, kind, one, operation) for one in sorted(names) for operation in operations.split(", ")]
    return found


def grant(cluster: Cluster, rights: Iterable[ACL]) -> None:
    """As a user who may, gives these rights."""
    with KafkaAdminClient(**cluster.admin()) as admin:
        assert not admin.create_acls(list(rights))["failed"]


def withdraw(cluster: Cluster, rights: Iterable[ACL]) -> None:
    """Takes rights that were given away again."""
    with KafkaAdminClient(**cluster.admin()) as admin:
        admin.delete_acls(list(rights))

"""Partition of a key, by Kafka's murmur2, so that clients in every language agree."""

from __future__ import annotations

from functools import lru_cache
from itertools import count

_MASK = 0xFFFFFFFF
_M = 0x5BD1E995


def murmur2(data: bytes) -> int:
    """Kafka's 32-bit murmur2 (seed 0x9747b28c), as an unsigned number."""
    length = len(data)
    h = 0x9747B28C ^ length
    whole = length - length % 4
    for i in range(0, whole, 4):
        k = int.from_bytes(data[i : i + 4], "little") * _M & _MASK
        k = (k ^ k >> 24) * _M & _MASK
        h = h * _M & _MASK ^ k
    if whole < length:
        h = (h ^ int.from_bytes(data[whole:], "little")) * _M & _MASK
    h = (h ^ h >> 13) * _M & _MASK
    return h ^ h >> 15


@lru_cache(maxsize=65_536)
def partition_of(key: str, partitions: int) -> int:
    """The partition of a key, as librdkafka's `murmur2_random` and Kafka's default partitioner compute it."""
    return (murmur2(key.encode()) & 0x7FFFFFFF) % partitions


def key_in_each(prefix: str, partitions: int) -> list[str]:
    """One key for every partition, in the partitions' order; each is the prefix and a number."""
    keys: dict[int, str] = {}
    for number in count():
        key = f"{prefix}.{number}"
        keys.setdefault(partition_of(key, partitions), key)
        if len(keys) == partitions:
            break
    return [keys[partition] for partition in range(partitions)]

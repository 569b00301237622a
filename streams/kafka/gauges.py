"""Prometheus metrics of the distributed runtime's roles."""

from __future__ import annotations

from prometheus_client import Counter, Gauge

TRANSACTIONS = Counter("headwater_kafka_transactions_total", "Transactions by what became of them", ["end"])
UNREADABLE = Counter("headwater_kafka_unreadable_commands_total", "Commands nobody could decode, refused", ["context"])
PARTITIONS = Gauge("headwater_kafka_partitions", "Partitions this process serves", ["role"])
LOADING = Gauge("headwater_kafka_partitions_loading", "Partitions taken over but not served yet")
OVERLAY = Gauge("headwater_kafka_overlay_records", "Records in the log that the processor still keeps in memory")
HELD_BACK = Gauge(
    "headwater_kafka_held_back", "1 while none of its commands are taken: its read side is too far behind", ["place"]
)
LAG_EVENTS = Gauge("headwater_kafka_projector_lag_events", "Offsets the projector is behind the log's end", ["place"])
LAG_SECONDS = Gauge("headwater_kafka_projector_lag_seconds", "Age of the last record projected while behind", ["place"])
OPEN_TRANSACTION_SECONDS = Gauge(
    "headwater_kafka_open_transaction_seconds", "How long a transaction left open has kept readers waiting", ["place"]
)
LOG_HALTED = Gauge("headwater_kafka_log_halted", "1 when the role stands still at a record of this place", ["place"])

"""What a cluster refuses for good: a password, a certificate, a right. Trying again mends none of them."""

from __future__ import annotations

import re
import time

from confluent_kafka import KafkaError

REFUSAL_WINDOW_SECONDS = 5.0
"""A client tries its brokers again at least once a second (`reconnect.backoff.max.ms`)."""

REFUSALS = 2

SETTINGS = {
    KafkaError._SSL: "HEADWATER_KAFKA_SSL_…",
    KafkaError._AUTHENTICATION: "HEADWATER_KAFKA_SASL_…",
    KafkaError.SASL_AUTHENTICATION_FAILED: "HEADWATER_KAFKA_SASL_…",
    KafkaError.UNSUPPORTED_SASL_MECHANISM: "HEADWATER_KAFKA_SASL_MECHANISM",
}
"""The errors of who is not let in, and the settings to look at."""

TLS_ALERT = re.compile(r"SSL routines:.* alert ")

AUTHORIZATION_ERRORS = (
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError.GROUP_AUTHORIZATION_FAILED,
    KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
    KafkaError.CLUSTER_AUTHORIZATION_FAILED,
)


class Denied(Exception):
    """Kafka does not let this process in, or not do what it has to. One sentence, with what to look at."""


def denial(error: KafkaError) -> Denied | None:
    """The error as a denial, if it is one."""
    if error.code() in AUTHORIZATION_ERRORS:
        return Denied(f"Kafka denies this process a right: {error.str()} (docs/kafka.md lists every role's)")
    if (code := _refusal_code(error)) in SETTINGS:
        return Denied(f"Kafka does not let this process in: {error.str()} (see {SETTINGS[code]})")
    return None


def _refusal_code(error: KafkaError) -> int:
    """librdkafka tells of a client's certificate that a broker does not take as of a lost connection."""
    alerted = error.code() == KafkaError._TRANSPORT and TLS_ALERT.search(error.str())
    return KafkaError._SSL if alerted else error.code()


def raise_denied(error: KafkaError) -> None:
    """Raises Denied if that is what the error says."""
    if (denied := denial(error)) is not None:
        raise denied


class ConnectionRefusals:
    """Whether a client is let in; `heard` is its `error_cb`, or called by it.

    A broker that is just going down can look as if it refused a password. A denial it is only when brokers have refused
    again and again, and none is left.
    """

    def __init__(self) -> None:
        self._refusals = 0
        self._raised = False
        self._refused_at = 0.0
        self._last: Denied | None = None

    def on_error(self, error: KafkaError) -> None:
        """Raises Denied, once, out of the client's call that reports the error: what is called to close it reports
        errors too, and must not fail."""
        now = time.monotonic()
        if now - self._refused_at > REFUSAL_WINDOW_SECONDS:
            self._refusals = 0
        if _refusal_code(error) in SETTINGS:
            self._refusals, self._refused_at, self._last = self._refusals + 1, now, denial(error)
        elif error.code() == KafkaError._ALL_BROKERS_DOWN and self._refusals >= REFUSALS and not self._raised:
            self._raised = True
            assert self._last is not None
            raise self._last

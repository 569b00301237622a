"""Denials by the cluster: a wrong password, a wrong certificate, a missing right. A retry cannot help with any."""

from __future__ import annotations

import re
import time

from confluent_kafka import KafkaError

REFUSAL_WINDOW_SECONDS = 5.0
"""Longer than a client's pause between attempts, which is at most a second (`reconnect.backoff.max.ms`)."""

REFUSALS = 2

SETTINGS = {
    KafkaError._SSL: "HEADWATER_KAFKA_SSL_…",
    KafkaError._AUTHENTICATION: "HEADWATER_KAFKA_SASL_…",
    KafkaError.SASL_AUTHENTICATION_FAILED: "HEADWATER_KAFKA_SASL_…",
    KafkaError.UNSUPPORTED_SASL_MECHANISM: "HEADWATER_KAFKA_SASL_MECHANISM",
}
"""Errors of a refused connection, and the settings to check."""

TLS_ALERT = re.compile(r"SSL routines:.* alert ")

AUTHORIZATION_ERRORS = (
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError.GROUP_AUTHORIZATION_FAILED,
    KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
    KafkaError.CLUSTER_AUTHORIZATION_FAILED,
)


class Denied(Exception):
    """Kafka refuses this process's connection or one of its operations. One sentence, with what to check."""


def denial(error: KafkaError) -> Denied | None:
    """Convert the error to a denial; None if it is not one."""
    if error.code() in AUTHORIZATION_ERRORS:
        return Denied(f"Kafka denies this process a right: {error.str()} (docs/kafka.md lists every role's)")
    if (code := _refusal_code(error)) in SETTINGS:
        return Denied(f"Kafka does not let this process in: {error.str()} (see {SETTINGS[code]})")
    return None


def _refusal_code(error: KafkaError) -> int:
    """librdkafka reports a client certificate that the broker rejects as a lost connection."""
    alerted = error.code() == KafkaError._TRANSPORT and TLS_ALERT.search(error.str())
    return KafkaError._SSL if alerted else error.code()


def raise_denied(error: KafkaError) -> None:
    """Raise Denied if the error is a denial."""
    if (denied := denial(error)) is not None:
        raise denied


class ConnectionRefusals:
    """Count of the brokers' refusals; `on_error` is a client's `error_cb`, or called by it.

    A broker that is shutting down can look as if it refused a password. So refusals are a denial only when they are
    repeated and no broker is left.
    """

    def __init__(self) -> None:
        self._refusals = 0
        self._raised = False
        self._refused_at = 0.0
        self._last: Denied | None = None

    def on_error(self, error: KafkaError) -> None:
        """Count the error; raises Denied, which the client's current call then raises.

        It is raised only once: the calls that close the client report errors too, and must not fail.
        """
        now = time.monotonic()
        if now - self._refused_at > REFUSAL_WINDOW_SECONDS:
            self._refusals = 0
        if _refusal_code(error) in SETTINGS:
            self._refusals, self._refused_at, self._last = self._refusals + 1, now, denial(error)
        elif error.code() == KafkaError._ALL_BROKERS_DOWN and self._refusals >= REFUSALS and not self._raised:
            self._raised = True
            assert self._last is not None
            raise self._last

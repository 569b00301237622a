"""Denials: which errors of a client mean that its connection is refused for good."""

from __future__ import annotations

import pytest
from confluent_kafka import KafkaError

from streams.kafka.denials import ConnectionRefusals, Denied, denial

REFUSED = KafkaError(KafkaError._AUTHENTICATION, "invalid credentials")
DOWN = KafkaError(KafkaError._ALL_BROKERS_DOWN, "1/1 brokers are down")


def test_a_broker_that_seems_to_refuse_once_as_it_goes_down_is_no_denial() -> None:
    entry = ConnectionRefusals()
    for error in (REFUSED, DOWN, DOWN):
        entry.on_error(error)


def test_brokers_that_refuse_while_others_are_there_are_no_denial() -> None:
    entry = ConnectionRefusals()
    for _ in range(10):
        entry.on_error(REFUSED)


def test_refused_again_and_again_with_no_broker_left_is_a_denial_told_once() -> None:
    entry = ConnectionRefusals()
    entry.on_error(REFUSED)
    entry.on_error(REFUSED)
    with pytest.raises(Denied, match=r"invalid credentials \(see HEADWATER_KAFKA_SASL_"):
        entry.on_error(DOWN)
    entry.on_error(DOWN)


@pytest.mark.parametrize("code", [KafkaError._TRANSPORT, KafkaError._TIMED_OUT, KafkaError.NOT_COORDINATOR])
def test_what_passes_is_no_denial(code: int) -> None:
    assert denial(KafkaError(code)) is None

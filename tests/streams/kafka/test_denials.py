"""What a client hears of its brokers, and when that means that it is not let in."""

from __future__ import annotations

import pytest
from confluent_kafka import KafkaError

from streams.kafka.denials import Denied, Entry, denial

REFUSED = KafkaError(KafkaError._AUTHENTICATION, "invalid credentials")
DOWN = KafkaError(KafkaError._ALL_BROKERS_DOWN, "1/1 brokers are down")


def test_a_broker_that_seems_to_refuse_once_as_it_goes_down_is_no_denial() -> None:
    entry = Entry()
    for error in (REFUSED, DOWN, DOWN):
        entry.heard(error)


def test_brokers_that_refuse_while_others_are_there_are_no_denial() -> None:
    entry = Entry()
    for _ in range(10):
        entry.heard(REFUSED)


def test_refused_again_and_again_with_no_broker_left_is_a_denial_told_once() -> None:
    entry = Entry()
    entry.heard(REFUSED)
    entry.heard(REFUSED)
    with pytest.raises(Denied, match=r"invalid credentials \(see HEADWATER_KAFKA_SASL_"):
        entry.heard(DOWN)
    entry.heard(DOWN)


@pytest.mark.parametrize("code", [KafkaError._TRANSPORT, KafkaError._TIMED_OUT, KafkaError.NOT_COORDINATOR])
def test_what_passes_is_no_denial(code: int) -> None:
    assert denial(KafkaError(code)) is None

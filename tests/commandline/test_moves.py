"""The steps that a move to Kafka leaves to its operator."""

from __future__ import annotations

from commandline.moves import next_steps
from settings import Settings


def test_a_move_away_from_the_embedded_database_names_the_files_that_are_not_in_kafka() -> None:
    embedded = Settings(kafka="broker:9092")
    assert "3 files and credentials, which are not in Kafka either" in next_steps(embedded, 3)
    assert "pg_dump" not in next_steps(embedded, 0)


def test_files_stay_where_they_are_when_the_same_postgresql_goes_on() -> None:
    assert "pg_dump" not in next_steps(Settings(kafka="broker:9092", postgres="postgresql://database"), 3)

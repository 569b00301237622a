"""Topics: creation with the required settings, and refusal of topics without them."""

from __future__ import annotations

import pytest

from streams.kafka.settings import Cluster, Role, WrongSetting, connection_settings
from streams.kafka.topics import Durability, WrongTopic, check, create
from tests.streams.kafka.broker import Kafka, free_port
from tests.streams.kafka.runtime import ONE_BROKER, change, new_cluster

CONTEXTS = ["shelf"]


@pytest.fixture
def cluster(kafka: Kafka) -> Cluster:
    """A prefix with the shelf's topics."""
    cluster = new_cluster(kafka)
    create(cluster, CONTEXTS, 4, ONE_BROKER)
    return cluster


def test_topics_are_made_once_and_are_then_as_they_must_be(kafka: Kafka) -> None:
    cluster = new_cluster(kafka)
    assert sorted(create(cluster, CONTEXTS, 4, ONE_BROKER)) == [cluster.commands("shelf"), cluster.events("shelf")]
    assert create(cluster, CONTEXTS, 4, ONE_BROKER) == []
    check(cluster, CONTEXTS, 4, ONE_BROKER)


def test_missing_topics_are_named(kafka: Kafka) -> None:
    with pytest.raises(WrongTopic, match=r"shelf\.commands does not exist: run `headwater topics create`"):
        check(new_cluster(kafka), CONTEXTS, 4, ONE_BROKER)


@pytest.mark.parametrize(
    ("setting", "value"), [("cleanup.policy", "compact"), ("retention.ms", "604800000"), ("retention.bytes", "1000")]
)
def test_a_log_that_could_forget_is_refused_with_the_way_to_mend_it(cluster: Cluster, setting: str, value: str) -> None:
    change(cluster, cluster.events("shelf"), setting, value)
    with pytest.raises(WrongTopic, match=f"{setting}={value}.*--add-config {setting}="):
        check(cluster, CONTEXTS, 4, ONE_BROKER)


def test_commands_may_be_kept_for_longer_but_not_for_shorter(cluster: Cluster) -> None:
    change(cluster, cluster.commands("shelf"), "retention.ms", "-1")
    check(cluster, CONTEXTS, 4, ONE_BROKER)
    change(cluster, cluster.commands("shelf"), "retention.ms", "3600000")
    with pytest.raises(WrongTopic, match=r"retention\.ms=3600000, it must be 604800000"):
        check(cluster, CONTEXTS, 4, ONE_BROKER)


def test_a_topic_may_take_larger_messages_than_the_log_needs_but_no_smaller_ones(cluster: Cluster) -> None:
    change(cluster, cluster.events("shelf"), "max.message.bytes", "2000000")
    check(cluster, CONTEXTS, 4, ONE_BROKER)
    change(cluster, cluster.events("shelf"), "max.message.bytes", "500000")
    with pytest.raises(WrongTopic, match=r"max\.message\.bytes=500000, it must be 1048588"):
        check(cluster, CONTEXTS, 4, ONE_BROKER)


def test_another_number_of_partitions_is_refused(cluster: Cluster) -> None:
    with pytest.raises(WrongTopic, match=r"has 4 partitions, not 8.*HEADWATER_PARTITIONS=4"):
        check(cluster, CONTEXTS, 8, ONE_BROKER)


def test_too_few_replicas_are_refused(cluster: Cluster) -> None:
    with pytest.raises(WrongTopic) as refused:
        check(cluster, CONTEXTS, 4, Durability(replicas=3, min_insync=2))
    assert "has 1 replicas, not 3" in str(refused.value)
    assert "min.insync.replicas=1, it must be 2" in str(refused.value)


def test_a_cluster_that_does_not_answer_is_named() -> None:
    nowhere = f"127.0.0.1:{free_port()}"
    with pytest.raises(WrongTopic, match=nowhere):
        check(Cluster(nowhere), CONTEXTS, 4, ONE_BROKER)


def test_connection_settings_pass_through_to_both_libraries() -> None:
    environment = {
        "HEADWATER_KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
        "HEADWATER_KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
        "HEADWATER_KAFKA_SASL_USERNAME": "headwater",
        "HEADWATER_KAFKA_SASL_PASSWORD": "secret",
        "HEADWATER_KAFKA_SSL_CA_LOCATION": "ca.pem",
        "PATH": "elsewhere",
    }
    cluster = Cluster("one:9093,two:9093", connection=connection_settings(environment))
    settings = cluster.client(group_id="g")
    assert settings["security.protocol"] == "SASL_SSL"
    assert settings["sasl.username"] == "headwater"
    assert settings["group.id"] == "g"
    admin = cluster.admin()
    assert admin["bootstrap_servers"] == ["one:9093", "two:9093"]
    assert (admin["sasl_mechanism"], admin["sasl_plain_password"]) == ("SCRAM-SHA-512", "secret")
    assert admin["ssl_cafile"] == "ca.pem"


def test_what_the_protocol_stands_on_cannot_be_set() -> None:
    with pytest.raises(WrongSetting, match="HEADWATER_KAFKA_ISOLATION_LEVEL"):
        connection_settings({"HEADWATER_KAFKA_ISOLATION_LEVEL": "read_uncommitted"})


@pytest.mark.parametrize("setting", ["SSL_CA_PEM", "SSL_KEYSTORE_LOCATION", "SASL_OAUTHBEARER_CLIENT_SECRET"])
def test_a_setting_that_not_every_client_knows_is_refused_without_its_value(setting: str) -> None:
    with pytest.raises(WrongSetting, match=f"HEADWATER_KAFKA_{setting}: not every") as refused:
        connection_settings({f"HEADWATER_KAFKA_{setting}": "s3cret"})
    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize("setting", ["SASL_MECHANISM", "SASL_MECHANISMS"])
def test_a_mechanism_that_not_every_client_knows_is_refused_by_name(setting: str) -> None:
    with pytest.raises(WrongSetting, match=f"HEADWATER_KAFKA_{setting}: not every .* OAUTHBEARER"):
        connection_settings({f"HEADWATER_KAFKA_{setting}": "OAUTHBEARER"})


def test_neither_a_cluster_nor_a_role_shows_its_secrets() -> None:
    cluster = Cluster("one:9093", connection={"sasl.password": "s3cret"})
    assert "s3cret" not in repr(Role(cluster, "postgresql://headwater:s3cret@one/headwater", "api-1", b"s3cret"))

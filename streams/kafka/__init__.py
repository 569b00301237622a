"""Distributed runtime: the engine with Apache Kafka as its log, in any number of processes."""

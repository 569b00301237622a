"""Runtime 2: the same engine with Apache Kafka as its log, as any number of processes."""

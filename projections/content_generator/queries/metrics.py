"""The figures of a tenant's sync jobs, from counters alone."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from psycopg import AsyncConnection

from domain.content_generator.kinds import Channel, JobStatus
from domain.content_generator.rates import mean_seconds, percent
from projections.content_generator.job_counters import ALL
from streams.core.read_models import Row

DOCUMENTS = 100
"""The number of documents whose last sync is shown."""


class Metrics(NamedTuple):
    """The figures. `statuses` and `channels` name each status and channel; statuses sum up to `total`.

    `processing_seconds` is a mean; `last_syncs` has the documents that were completely synced last.
    """

    total: int
    statuses: dict[JobStatus, int]
    channels: dict[Channel, int]
    processing_seconds: float
    last_syncs: dict[str, datetime]

    @property
    def active(self) -> int:
        return self.statuses[JobStatus.IN_PROGRESS]

    @property
    def success_rate(self) -> float:
        return percent(self.statuses[JobStatus.COMPLETED], self.total)


COUNTERS = "select channel, status, jobs, timed, microseconds from content_generator_job_counters where tenant = %s"

LAST_SYNCS = """
    select document_id, max(completed_at) from (
           select document_id, completed_at from content_generator_syncs where tenant = %s
            order by completed_at desc
            limit %s * (select count(*) from headwater.partitions where context = 'content_generator')) latest
     group by document_id order by 2 desc, 1 limit %s
"""
"""A document has at most a row per partition, so that many rows hold enough documents."""


async def metrics_of(connection: AsyncConnection[Row], tenant: str) -> Metrics:
    """The tenant's figures."""
    statuses, channels = dict.fromkeys(JobStatus, 0), dict.fromkeys(Channel, 0)
    timed = microseconds = 0
    for channel, status, jobs, ended, time in await (await connection.execute(COUNTERS, (tenant,))).fetchall():
        if channel == ALL:
            statuses[JobStatus(status)] += jobs
            timed, microseconds = timed + ended, microseconds + time
        else:
            channels[Channel(channel)] += jobs
    last = await (await connection.execute(LAST_SYNCS, (tenant, DOCUMENTS, DOCUMENTS))).fetchall()
    return Metrics(sum(statuses.values()), statuses, channels, mean_seconds(microseconds, timed), dict(last))

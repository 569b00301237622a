"""Every figure against a naive count over the events of random histories, after an erasure and a rebuild too."""

from __future__ import annotations

from random import Random

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from domain.creator_hub.export import Metric
from projections.creator_hub.queries.detailed import Granularity
from tests.projections.creator_hub.counts import ANA, check, check_detailed
from tests.projections.creator_hub.random_histories import Step, steps, told
from tests.projections.tables import Tables, erased

EXAMPLES = settings(max_examples=8, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))


@given(happened=steps, seed=st.integers())
@EXAMPLES
def test_figures_are_what_a_count_over_the_events_says(installed: Tables, happened: list[Step], seed: int) -> None:
    story = told(happened)
    installed.clear()
    installed.apply(story.history)
    check(installed, story)
    installed.erase(f"creator_hub:{ANA}")
    check(installed, story, gone=True)
    blank = installed.rows()
    installed.clear()
    installed.apply(erased(story.history, f"creator_hub:{ANA}"), Random(seed))
    assert installed.rows() == blank
    check(installed, story, gone=True)


@given(happened=steps)
@EXAMPLES
def test_segments_add_up_to_the_value_of_every_bucket(installed: Tables, happened: list[Step]) -> None:
    story = told(happened)
    installed.clear()
    installed.apply(story.history)
    for metric in Metric:
        for granularity in Granularity:
            check_detailed(installed, story, metric, granularity)

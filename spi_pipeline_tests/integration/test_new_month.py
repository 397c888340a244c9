"""A new month that the police publish reaches readers, by the sensor and by the schedule.

The earlier months are already fetched and everything that depends on them is computed, as the sensor's first tick
requests.
"""

from __future__ import annotations

import datetime as dt
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from spi_pipeline.orchestration.build import build_definitions
from spi_pipeline.orchestration.instance import open_instance
from spi_pipeline_tests.imitations import Publishers, local_publishers
from spi_pipeline_tests.imitations.pointing import point
from spi_pipeline_tests.integration.sandboxes import Sandbox, copied

BEFORE, NEXT = "2024-03", "2024-04"
POLICE = {"street_crime", "stop_and_search"}
AREAS = 21  # the wards and their town


@dataclass(frozen=True)
class Council:
    """A sandbox in live mode, the sensor's cursor, and its publishers."""

    sandbox: Sandbox
    publishers: Publishers
    cursor: str

    def tick(self) -> Any:
        """The result of the news sensor for the current state of the publishers."""
        definitions = build_definitions(self.sandbox.settings)
        with (
            dg.DagsterInstance.ephemeral() as instance,
            dg.build_sensor_context(instance=instance, cursor=self.cursor, definitions=definitions) as context,
        ):
            return definitions.resolve_sensor_def("publishers_news")(context)

    def scheduled(self) -> Any:
        """The run request of the daily schedule."""
        schedule = build_definitions(self.sandbox.settings).resolve_schedule_def("refresh_daily")
        at = dt.datetime(2024, 6, 27, 4, 30, tzinfo=dt.UTC)
        with (
            open_instance(self.sandbox.store.dagster_home) as instance,
            dg.build_schedule_context(instance=instance, scheduled_execution_time=at) as context,
        ):
            return schedule.evaluate_tick(context).run_requests[0]

    def run(self, request: Any) -> None:
        """Run the job as the daemon would start it."""
        job = build_definitions(self.sandbox.settings).resolve_job_def("refresh")
        with open_instance(self.sandbox.store.dagster_home) as instance:
            done = job.execute_in_process(
                instance=instance, asset_selection=request.asset_selection, raise_on_error=False
            )
        assert done.success

    def after(self, cursor: str) -> Council:
        return Council(self.sandbox, self.publishers, cursor)


@pytest.fixture(scope="module")
def before(refreshed: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Council]:
    """All months but the newest, fetched at the sensor's request."""
    base = copied(refreshed, tmp_path_factory.mktemp("before"))
    for count in ("draws: 500", "shares: 250"):  # the uncertainty of ranks is not under test here
        base.amend("framework.yaml", count, f"{count.split(':')[0]}: 20")
    sandbox = Sandbox(base.settings.model_copy(update={"mode": "live"}))
    with local_publishers(months=14, police_held_back=1) as served, pytest.MonkeyPatch.context() as patch:
        patch.delenv("DAGSTER_HOME", raising=False)
        point(patch, served.bases)
        first = json.loads(Council(sandbox, served, "{}").tick().cursor)
        assert {name: first[name] for name in POLICE} == dict.fromkeys(POLICE, BEFORE)
        known = {name: word for name, word in first.items() if name not in POLICE}
        second = Council(sandbox, served, json.dumps(known)).tick()
        council = Council(sandbox, served, second.cursor)
        council.run(*second.run_requests)
        assert newest(sandbox) == (BEFORE, BEFORE, BEFORE)
        yield council


@pytest.fixture
def council(before: Council, tmp_path: Path) -> Iterator[Council]:
    """A copy of that council, on the day when the newest month is published."""
    sandbox = copied(before.sandbox, tmp_path)
    before.publishers.requests.clear()
    before.publishers.site.police_held_back = 0
    yield Council(Sandbox(sandbox.settings.model_copy(update={"mode": "live"})), before.publishers, before.cursor)
    before.publishers.site.police_held_back = 1
    shutil.rmtree(tmp_path)


def newest(sandbox: Sandbox) -> tuple[str, ...]:
    """The newest month in the source's table, in ``recent``, and in the published ``recent``."""
    tables = [max(sandbox.store.read(name)["month"].to_pylist()) for name in ("street_crime", "recent")]
    ((published,),) = sandbox.query("SELECT max(month) FROM recent WHERE measure_id = 'all_crime'")
    return (*tables, published)


def burglary(sandbox: Sandbox) -> list[tuple[Any, ...]]:
    """The published burglary rate of each area: the end of the newest period and the value of the newest edition."""
    return sandbox.query(
        "SELECT area_code, max(period_end), arg_max(value, edition) FROM observation "
        "WHERE indicator_id = 'burglary' AND value IS NOT NULL GROUP BY ALL ORDER BY ALL"
    )


def safety(sandbox: Sandbox) -> list[tuple[Any, ...]]:
    """The published safety scores."""
    return sandbox.query("SELECT area_code, edition, score FROM score WHERE id = 'safety' ORDER BY ALL")


def today() -> dt.date:
    return dt.datetime.now(dt.UTC).date()


@pytest.mark.parametrize("way", ["sensor", "schedule"])
def test_a_month_the_police_publish_reaches_readers(council: Council, way: str) -> None:
    sandbox, published, began = council.sandbox, council.sandbox.store.published_version(), today()
    rates, scores = burglary(sandbox), safety(sandbox)
    result = council.tick()
    (request,) = result.run_requests
    assert json.loads(request.run_key) == dict.fromkeys(sorted(POLICE), NEXT)
    if way == "schedule":
        request = council.scheduled()
    council.publishers.requests.clear()
    council.run(request)

    requests = council.publishers.requests_to("police", "/crimes-street/")
    assert len([one for one in requests if f"date={NEXT}" in one.query]) == 1
    assert len(requests) == 3, "the newest three months: the new one, and those that are revised"
    assert newest(sandbox) == (NEXT, NEXT, NEXT)
    assert sandbox.store.published_version() != published
    assert [end for _, end, _ in burglary(sandbox)] == [dt.date(2024, 4, 30)] * AREAS
    assert burglary(sandbox) != rates
    assert safety(sandbox) != scores
    assert len(rates) == AREAS
    assert len(scores) == len(safety(sandbox)) == AREAS * 4 * 2, "by edition and profile"
    ((published_at, first_seen),) = sandbox.query(
        "SELECT DISTINCT published_at, CAST(fetched_at AS DATE) FROM source_release "
        "WHERE source_id = 'street_crime' AND period LIKE '%2024-04%' AND url LIKE 'http:%'"
    )
    assert published_at is None, "the police give no date, so the day it was first seen counts"
    assert began <= first_seen <= today()
    ((outcome, observed, judged),) = sandbox.query(
        "SELECT outcome, observed, CAST(run_at AS DATE) FROM check_result "
        "WHERE table_name = 'street_crime' AND rule = 'fresh' ORDER BY run_at DESC LIMIT 1"
    )
    assert outcome == "passed"
    assert observed.startswith(f"appeared on {first_seen}, {(judged - first_seen).days} days before")
    assert council.after(result.cursor).tick().skip_message == "no publisher has news"

"""Sources broken in many ways, all in one refresh: each is refused and named, and none stops the others."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from spi_pipeline.orchestration.refresh import Refresh
from spi_pipeline.orchestration.watching.status import status_of
from spi_pipeline_tests.integration.fixtures import Command
from spi_pipeline_tests.integration.sandboxes import Sandbox, column, copied, empty_sandbox

FORMER_WARD = "E05002193"
# Has the format of an MSOA code.
UNKNOWN_MSOA = "E02009999"


@dataclass(frozen=True)
class Break:
    """One way to break a source.

    Attributes:
        source_id: the source.
        inject: breaks it in a sandbox.
        rule: the rule it breaks; ``computed`` if there is no table to check.
        fragments: texts that the message must contain, as well as the table and the rule.
        rows: the number of rows in quarantine; None if there is no table.
    """

    source_id: str
    inject: Callable[[Sandbox], None]
    rule: str
    fragments: tuple[str, ...]
    rows: int | None


def _table(source_id: str, change: Callable[[pa.Table], pa.Table]) -> Callable[[Sandbox], None]:
    return lambda sandbox: sandbox.rewrite(source_id, change)


def _first(source_id: str, name: str, value: object) -> Callable[[Sandbox], None]:
    return _table(source_id, lambda table: column(table, name, lambda values: [value, *values[1:]]))


def _text(source_id: str, name: str) -> Callable[[Sandbox], None]:
    def change(table: pa.Table) -> pa.Table:
        return table.set_column(table.schema.get_field_index(name), name, table[name].cast(pa.string()))

    return _table(source_id, change)


BREAKS = {
    "former ward": Break(
        "local_elections_2023",
        _first("local_elections_2023", "area_code", FORMER_WARD),
        "known_areas",
        ("area_code", f"unknown code: {FORMER_WARD}", "former ward set"),
        19,
    ),
    "unknown small area": Break(
        "private_outdoor_space",
        _first("private_outdoor_space", "area_code", UNKNOWN_MSOA),
        "known_areas",
        ("area_code", f"unknown code: {UNKNOWN_MSOA}"),
        21,
    ),
    "unknown ward": Break(
        "wards",
        _first("wards", "area_code", "E05099999"),
        "known_areas",
        ("area_code", "E05099999", "20 area codes"),
        20,
    ),
    "duplicate key": Break(
        "population_2020",
        _table("population_2020", lambda table: pa.concat_tables([table, table.slice(0, 1)])),
        "key",
        ("area_code", "2 of 22 rows repeat"),
        22,
    ),
    "missing column": Break(
        "census_car_availability",
        _table("census_car_availability", lambda table: table.drop_columns(["three_or_more"])),
        "columns",
        ("missing three_or_more",),
        621,
    ),
    "extra column": Break(
        "census_central_heating",
        _table("census_central_heating", lambda table: table.append_column("surprise", pa.array([1] * len(table)))),
        "columns",
        ("not in the contract surprise",),
        621,
    ),
    "text in a number": Break(
        "digital_exclusion",
        _text("digital_exclusion", "broadband_risk"),
        "types",
        ("broadband_risk holds string, not number",),
        121,
    ),
    "out of range": Break(
        "census_overcrowding",
        _first("census_overcrowding", "households", -5),
        "between_households",
        ("households", "lowest -5", "between 0 and"),
        621,
    ),
    "empty table": Break(
        "bus_service", _table("bus_service", lambda table: table.slice(0, 0)), "row_count", ("0 rows", "at least 1"), 0
    ),
    "broken file": Break(
        "recorded_flooding",
        lambda sandbox: sandbox.embedded("recorded_flooding").write_bytes(b"PAR1 and no more") and None,
        "computed",
        ("/recorded_flooding.", "is broken", "restore it"),
        None,
    ),
    "missing file": Break(
        "covid_vaccination",
        lambda sandbox: sandbox.embedded("covid_vaccination").unlink(),
        "computed",
        ("no embedded table", "/covid_vaccination.", "add it with spi snapshot build"),
        None,
    ),
}


@dataclass(frozen=True)
class Night:
    """A refreshed sandbox after ``BREAKS``: its state before them and the result of the refresh after them."""

    sandbox: Sandbox
    before: dict[str, str]
    scores: list[tuple]
    done: Refresh


SCORES = "SELECT edition, profile, id, area_code, score FROM score ORDER BY ALL"


@pytest.fixture(scope="module")
def night(refreshed: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Night:
    sandbox = copied(refreshed, tmp_path_factory.mktemp("night"))
    before, scores = sandbox.digests(), sandbox.query(SCORES)
    for broken in BREAKS.values():
        broken.inject(sandbox)
    # One source has a valid change: the last tenth of its rows is removed.
    sandbox.rewrite("stop_and_search", lambda table: table.slice(0, len(table) * 9 // 10))
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("DAGSTER_HOME", raising=False)
        return Night(sandbox, before, scores, sandbox.refresh())


def _faults(done: Refresh, table: str) -> list[str]:
    return [outcome.message for outcome in done.outcomes if outcome.table == table]


@pytest.mark.parametrize("name", BREAKS)
def test_one_message_names_the_table_the_rule_the_result_and_the_remedy(night: Night, name: str) -> None:
    broken = BREAKS[name]
    (fault,) = _faults(night.done, broken.source_id)
    assert fault in night.done.faults
    assert "\n" not in fault
    assert broken.source_id in fault
    for fragment in broken.fragments:
        assert fragment in fault
    assert re.search(r"the last good version, less than an hour old, stays in use", fault)
    if broken.rows is not None:
        assert f"{broken.rule} (" in fault or f"{broken.rule}:" in fault
        assert fault.endswith(f"correct it at its source or in sources/{broken.source_id}.yaml, then run spi refresh")


@pytest.mark.parametrize("name", BREAKS)
def test_the_good_version_is_kept_and_marked_stale(night: Night, name: str) -> None:
    source_id = BREAKS[name].source_id
    version = night.sandbox.store.current(source_id)
    assert version is not None
    assert version.sha256 == night.before[source_id]
    assert version.stale_since is not None
    assert version.stale_run_id == night.done.run_id
    assert version.stale_reason is not None
    assert _faults(night.done, source_id)[0].startswith(version.stale_reason)


@pytest.mark.parametrize("name", [name for name, broken in BREAKS.items() if broken.rows is not None])
def test_quarantine_holds_the_refused_rows_and_the_broken_rules(night: Night, name: str) -> None:
    broken = BREAKS[name]
    folder = Path(night.sandbox.settings.store) / "quarantine" / broken.source_id
    (report,) = folder.glob("*.json")
    assert pq.read_metadata(report.with_suffix(".parquet")).num_rows == broken.rows
    content = json.loads(report.read_text(encoding="utf-8"))
    assert content["run_id"] == night.done.run_id
    outcomes = {result["rule"]: result["outcome"] for result in content["results"]}
    assert outcomes[broken.rule] == "failed"
    rules = {rule.id for rule in night.sandbox.contracts.sources[broken.source_id].rules}
    assert set(outcomes) == rules | {"computed"}
    failed = [rule for rule, outcome in outcomes.items() if outcome in ("failed", "errored")]
    assert broken.rule in failed
    if broken.rule in ("columns", "types"):
        assert failed == [broken.rule], "a faulty column is one fault, not one for every rule about it"
    failing = next(result["failing_rows"] for result in content["results"] if result["rule"] == broken.rule)
    assert bool(failing) == (broken.rule in ("known_areas", "key", "between_households", "types"))


@pytest.mark.parametrize("name", BREAKS)
def test_outcomes_of_rules_are_recorded(night: Night, name: str) -> None:
    broken = BREAKS[name]
    outcome = {"computed": "errored"}.get(broken.rule, "failed")
    recorded = night.sandbox.query(
        "SELECT outcome, severity FROM check_result WHERE run_id = ? AND table_name = ? AND rule = ?",
        night.done.run_id,
        broken.source_id,
        broken.rule,
    )
    assert recorded == [(outcome, "error")]
    states = night.sandbox.query(
        "SELECT DISTINCT state FROM source_release WHERE run_id = ? AND source_id = ?",
        night.done.run_id,
        broken.source_id,
    )
    assert states == [("stale",)]


def test_only_broken_sources_are_refused_and_the_rest_is_computed(night: Night) -> None:
    kept = {outcome.table for outcome in night.done.outcomes if outcome.state == "kept"}
    assert kept == {broken.source_id for broken in BREAKS.values()}
    assert night.done.state == "failed"
    assert not [outcome for outcome in night.done.outcomes if outcome.state == "failed"]
    now = night.sandbox.digests()
    changed = {name for name, digest in now.items() if night.before[name] != digest}
    assert {"stop_and_search", "indicator_value.stop_and_search", "element_score.rights_and_voice"} <= changed
    assert {name.split(".")[0] for name in changed}.isdisjoint(broken.source_id for broken in BREAKS.values())


def test_readers_see_a_complete_database_with_only_the_valid_change(night: Night) -> None:
    scores = night.sandbox.query(SCORES)
    assert [row[:4] for row in scores] == [row[:4] for row in night.scores]
    changed = {row[2] for row, old in zip(scores, night.scores, strict=True) if row[4] != old[4]}
    # Missing turnout and registration are estimated from their own means, since stops alone predict neither.
    assert changed == {"stop_and_search", "rights_and_voice", "opportunity", "social_progress_index"}


def test_status_lists_stale_tables_with_time_and_reason(night: Night, spi: Command) -> None:
    result = spi(night.sandbox, "status", "--json")
    assert result.code == 1
    status = json.loads(result.out)
    stale = {table["table"]: table for table in status["stale_tables"]}
    assert set(stale) == {broken.source_id for broken in BREAKS.values()}
    assert "2 of 22 rows repeat" in stale["population_2020"]["reason"]
    assert stale["population_2020"]["written_at"] <= stale["population_2020"]["since"]
    assert status["runs"][0]["state"] == "failed"
    assert status["runs"][0]["failed_checks"] >= len(BREAKS)
    plain = spi(night.sandbox, "status")
    assert re.search(
        r"stale table population_2020: good version less than an hour old, refused for less than an hour: ", plain.out
    )


def test_the_next_refresh_recovers_once_the_cause_is_removed(night: Night, spi: Command, tmp_path: Path) -> None:
    sandbox = copied(night.sandbox, tmp_path)
    sandbox.restore_figures()
    result = spi(sandbox, "refresh", "--json")
    assert result.code == 0, result.err
    report = json.loads(result.out)
    assert (report["state"], report["faults"]) == ("succeeded", [])
    assert {f"source/{broken.source_id}" for broken in BREAKS.values()} <= set(report["stale"])
    assert sandbox.digests() == night.before
    assert sandbox.query(SCORES) == night.scores
    assert status_of(sandbox.settings)["stale_tables"] == []
    assert spi(sandbox, "status").code == 0
    assert sandbox.refresh().state == "nothing to do"


def test_on_the_first_run_only_steps_that_need_a_broken_source_stop(tmp_path: Path, spi: Command) -> None:
    sandbox = empty_sandbox(tmp_path)
    BREAKS["out of range"].inject(sandbox)
    BREAKS["missing file"].inject(sandbox)
    chosen = ("--select", "overcrowded_homes", "--select", "no_central_heating", "--select", "vaccinated_50_and_over")
    result = spi(sandbox, "refresh", *chosen)
    assert result.code == 1
    assert "Traceback" not in result.err
    faults = [line for line in result.err.splitlines() if " done" not in line]
    assert len(faults) == 2
    assert all("there is no earlier version, so the steps that need it were not run" in fault for fault in faults)
    assert "between_households" in faults[0] + faults[1]
    assert "Nothing is published yet." in result.out
    built = set(sandbox.digests())
    assert {"indicator_value.no_central_heating", "allocation", "area", "population_2020"} <= built
    missing = {"census_overcrowding", "indicator_value.overcrowded_homes", "covid_vaccination"}
    assert not built & (missing | {"indicator_value.vaccinated_50_and_over"})
    sandbox.restore_figures()
    again = spi(sandbox, "refresh", *chosen)
    assert (again.code, [line for line in again.err.splitlines() if " done" not in line]) == (0, [])
    assert set(sandbox.digests()) == built | missing | {"indicator_value.vaccinated_50_and_over"}


def test_an_incomplete_lookup_validates_no_other_table(
    refreshed: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    sandbox = copied(refreshed, tmp_path)
    scores = sandbox.query(SCORES)
    # All are halved alike, so that the tables would cover the halved list.
    for source_id in ("lsoa_best_fit", "lsoa_boundaries", "census_age", "bus_service"):
        sandbox.rewrite(source_id, lambda table: table.slice(0, len(table) // 2))
    done = sandbox.refresh()
    assert done.state == "failed"
    for source_id in ("lsoa_best_fit", "lsoa_boundaries", "census_age", "bus_service"):
        (fault,) = _faults(done, source_id)
        assert "the embedded table lsoa_best_fit lists 62 areas of lsoa21, geography.yaml states 125" in fault
    assert sandbox.query(SCORES) == scores

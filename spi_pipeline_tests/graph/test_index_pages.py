"""The asset pages of the index show the basis, weights, fit, points, uncertainty and changes as well as rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import dagster as dg
import pandas as pd
import pytest

from spi_pipeline.orchestration.instance import open_instance
from spi_pipeline.orchestration.provenance import key_of
from spi_pipeline.run.plan import build_plan
from spi_pipeline.run.reader import Reader
from spi_pipeline_tests.integration.sandboxes import Sandbox

# Dagster shows longer Markdown behind a button.
INLINE = 1000
KINDS = ("basis", "component", "dimension", "index", "uncertainty", "sensitivity", "scorecard")
OURS = {
    "slots_left_out", "editions_rest_on", "weights", "fit", "contributions", "varied", "moved", "what_drives_the_doubt",
    "verdicts",
}  # fmt: skip
NEWEST = "profile = 'spi' AND edition = (SELECT max(edition) FROM edition)"


class FirstChildOnly:
    """Reads the current tables, but returns only the first child of each parent in the weights."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader

    def __getattr__(self, name: str) -> Any:
        return getattr(self.reader, name)

    def frame(self, name: str) -> pd.DataFrame:
        rows: pd.DataFrame = self.reader.frame(name)
        return rows[rows["id"] == rows["id"].iloc[0]] if name.startswith("weight.") else rows


@pytest.fixture(scope="module")
def pages(refreshed: Sandbox) -> Iterator[dict[str, dict[str, str]]]:
    """The Markdown that the run left, by page and name."""
    with open_instance(refreshed.store.dagster_home) as instance:
        yield {
            step.label: {
                name: str(value.value)
                for name, value in _metadata(instance, step.key).items()
                if isinstance(value, dg.MarkdownMetadataValue)
            }
            for step in build_plan(refreshed.contracts)
            if step.kind in KINDS
        }


def _metadata(instance: dg.DagsterInstance, key: tuple[str, str]) -> dict[str, dg.MetadataValue]:
    event = instance.get_latest_materialization_event(key_of(key))
    assert event is not None
    assert event.asset_materialization is not None
    return dict(event.asset_materialization.metadata)


def _cells(table: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines() if line[:1] == "|"]


def test_every_scored_element_shows_weights_fit_and_points(
    pages: dict[str, dict[str, str]], refreshed: Sandbox
) -> None:
    for label, page in pages.items():
        kind, name = label.split("/")
        if kind not in ("component", "dimension", "index"):
            continue
        weights = dict(refreshed.query(f"SELECT id, weight FROM weight WHERE {NEWEST} AND parent_id = ?", name))
        shown = {row[0]: float(row[1]) for row in _cells(page["weights"])[2:]}
        assert shown == pytest.approx(weights, abs=5e-5)
        heading, _, *rows = _cells(page["fit"])
        assert heading == ["profile", "method", "n", "alpha", "kmo", "pc1_share"]
        assert [row[0] for row in rows] == list(refreshed.contracts.framework.profiles)
        points = dict(
            refreshed.query(
                f"SELECT id, contribution FROM contribution WHERE {NEWEST} AND parent_id = ? AND area_code LIKE 'E06%'",
                name,
            )
        )
        assert {row[0]: float(row[4]) for row in _cells(page["contributions"])[2:]} == pytest.approx(points, abs=5e-3)


def test_a_component_shows_the_england_percentiles_of_its_indicators(
    pages: dict[str, dict[str, str]], refreshed: Sandbox
) -> None:
    shown = {row[0]: row[1:] for row in _cells(pages["component/advanced_education"]["in_england"])[2:]}
    percentiles = refreshed.query(
        "SELECT id, min(england_percentile) FILTER (area_code LIKE 'E05%'), "
        "max(england_percentile) FILTER (area_code LIKE 'E06%') "
        f"FROM score JOIN indicator ON id = indicator_id WHERE {NEWEST} AND component_id = 'advanced_education' "
        "AND england_percentile IS NOT NULL GROUP BY id"
    )
    assert percentiles
    assert {name: (float(shown[name][0]), float(shown[name][3])) for name in shown} == {
        name: (round(worst), round(town)) for name, worst, town in percentiles
    }


def test_pages_show_what_was_varied_and_what_drives_the_uncertainty(
    pages: dict[str, dict[str, str]], refreshed: Sandbox
) -> None:
    varied = _cells(pages["uncertainty/uncertainty"]["varied"])
    assert {row[0] for row in varied[2:]} == set(refreshed.contracts.framework.uncertainty.sources)
    assert ["imputation", "False", "no cell was filled", "equal"] in varied
    drivers = pages["sensitivity/sensitivity"]["what_drives_the_doubt"]
    (leading, share) = refreshed.query(
        "SELECT source, total FROM sensitivity WHERE profile = 'spi' ORDER BY total DESC LIMIT 1"
    )[0]
    assert drivers.startswith(f"Luton, 2026, spi: {leading} has a part in {share:.0%} of what moves the ranks, ")
    assert _cells(drivers)[2][0] == leading
    assert "█" in _cells(drivers)[2][3]
    verdicts = _cells(pages["scorecard/scorecard"]["verdicts"])
    assert {row[0] for row in verdicts[2:]} == set(refreshed.contracts.framework.components)
    assert all(sum(map(int, row[1:])) == 20 for row in verdicts[2:])


def test_the_basis_lists_slots_left_out_and_the_data_behind_editions(
    pages: dict[str, dict[str, str]], refreshed: Sandbox
) -> None:
    page = pages["basis/basis"]
    left_out = dict(
        refreshed.query(
            "SELECT slot_id, not_in_basis_because FROM indicator WHERE indicator_id = slot_id "
            "AND slot_id NOT IN (SELECT slot_id FROM indicator WHERE in_basis)"
        )
    )
    assert left_out
    assert dict(_cells(page["slots_left_out"])[2:]) == left_out
    shares = refreshed.query(
        "SELECT edition, measured_weight, carried_weight, held_weight FROM edition "
        "WHERE profile = 'spi' ORDER BY edition"
    )
    expected = [[str(edition), *(f"{share:.0%}" for share in edition_shares)] for edition, *edition_shares in shares]
    assert _cells(page["editions_rest_on"])[2:] == expected


def test_every_component_shows_its_number_of_slots(refreshed: Sandbox) -> None:
    reader, contracts = refreshed.runner.reader, refreshed.contracts
    counted = dict(refreshed.query("SELECT component_id, count(*) FROM indicator WHERE in_basis GROUP BY ALL"))
    steps = [step for step in build_plan(contracts) if step.kind == "component"]
    assert {step.name: step.page.shows(step, contracts, reader)["slots"] for step in steps} == {
        name: str(count) for name, count in counted.items()
    }


def test_a_component_of_one_slot_states_that_it_equals_the_indicator(refreshed: Sandbox) -> None:
    step = next(step for step in build_plan(refreshed.contracts) if step.name == "housing")
    one_slot_reader = FirstChildOnly(refreshed.runner.reader)
    assert step.page.shows(step, refreshed.contracts, one_slot_reader)["slots"] == (
        "1: the component is no more than this indicator"
    )


def test_changes_are_counted_for_every_component(pages: dict[str, dict[str, str]], refreshed: Sandbox) -> None:
    heading, _, *rows = _cells(pages["uncertainty/uncertainty"]["moved"])
    before, after = refreshed.query("SELECT max(edition_from), max(edition_to) FROM change")[0]
    assert heading == [f"{before} to {after}, spi", "rose", "fell", "not distinguishable", "cannot tell"]
    assert [row[0] for row in rows] == list(refreshed.contracts.framework.components)
    for name, *counts in rows:
        verdicts = dict(
            refreshed.query(
                "SELECT verdict, count(*) FROM change WHERE profile = 'spi' AND id = ? AND edition_from = ? "
                "AND edition_to = ? AND area_code LIKE 'E05%' GROUP BY ALL",
                name, before, after,
            )
        )  # fmt: skip
        assert sum(verdicts.values()) == 20
        words = ("rose", "fell", "not_distinguishable", "cannot_tell")
        assert list(map(int, counts)) == [verdicts.get(word, 0) for word in words]


def test_tables_are_short_enough_to_show_on_the_page(pages: dict[str, dict[str, str]]) -> None:
    lengths = {(label, name): len(text) for label, page in pages.items() for name, text in page.items() if name in OURS}
    assert len(lengths) == 16 * 3 + 2 + 2 + 2
    assert {key: length for key, length in lengths.items() if length >= INLINE} == {}


def test_other_pages_have_none_of_these_tables(refreshed: Sandbox) -> None:
    reader = refreshed.runner.reader
    others = [step for step in build_plan(refreshed.contracts) if step.kind not in KINDS]
    assert {step.kind for step in others} > {"source", "indicator", "joined", "publication"}
    for step in others:
        assert not OURS.intersection(step.page.shows(step, refreshed.contracts, reader)), step.label

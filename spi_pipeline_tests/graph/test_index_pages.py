"""What the pages of the index show beyond rows: weights, fit, points, what was varied and what drives the doubt."""

from __future__ import annotations

from collections.abc import Iterator

import dagster as dg
import pytest

from spi_pipeline.orchestration.instance import open_instance
from spi_pipeline.run.plan import build_plan
from spi_pipeline_tests.integration.houses import House

# Dagster shows longer Markdown behind a button.
INLINE = 1000
KINDS = ("component", "dimension", "index", "rank_interval", "sensitivity", "scorecard")
OURS = {"weights", "fit", "contributions", "varied", "what_drives_the_doubt", "verdicts"}


@pytest.fixture(scope="module")
def pages(refreshed: House) -> Iterator[dict[str, dict[str, str]]]:
    """Markdown by page and name, as the run left it."""
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
    event = instance.get_latest_materialization_event(dg.AssetKey(list(key)))
    assert event is not None
    assert event.asset_materialization is not None
    return dict(event.asset_materialization.metadata)


def _cells(table: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines() if line[:1] == "|"]


def test_every_scored_element_shows_weights_fit_and_points(pages: dict[str, dict[str, str]], refreshed: House) -> None:
    for label, page in pages.items():
        kind, name = label.split("/")
        if kind not in ("component", "dimension", "index"):
            continue
        weights = dict(refreshed.query("SELECT id, weight FROM weight WHERE profile = 'spi' AND parent_id = ?", name))
        shown = {row[0]: float(row[1]) for row in _cells(page["weights"])[2:]}
        assert shown == pytest.approx(weights, abs=5e-5)
        heading, _, *rows = _cells(page["fit"])
        assert heading == ["profile", "basis", "n", "alpha", "kmo", "pc1_share"]
        assert [row[0] for row in rows] == list(refreshed.contracts.framework.profiles)
        points = dict(
            refreshed.query(
                "SELECT id, contribution FROM contribution WHERE profile = 'spi' AND parent_id = ? "
                "AND area_code LIKE 'E06%' AND edition = (SELECT max(edition) FROM edition)",
                name,
            )
        )
        assert {row[0]: float(row[4]) for row in _cells(page["contributions"])[2:]} == pytest.approx(points, abs=5e-3)


def test_what_was_varied_and_what_drives_the_doubt_can_be_read(
    pages: dict[str, dict[str, str]], refreshed: House
) -> None:
    varied = _cells(pages["rank_interval/rank_interval"]["varied"])
    assert {row[0] for row in varied[2:]} == set(refreshed.contracts.framework.uncertainty.sources)
    assert ["imputation", "False", "no cell was filled", "equal"] in varied
    told = pages["sensitivity/sensitivity"]["what_drives_the_doubt"]
    (leading, share) = refreshed.query(
        "SELECT source, total FROM sensitivity WHERE profile = 'spi' ORDER BY total DESC LIMIT 1"
    )[0]
    assert told.startswith(f"Luton, 2026, spi: {leading} has a part in {share:.0%} of what moves the ranks, ")
    assert _cells(told)[2][0] == leading
    assert "█" in _cells(told)[2][3]
    verdicts = _cells(pages["scorecard/scorecard"]["verdicts"])
    assert {row[0] for row in verdicts[2:]} == set(refreshed.contracts.framework.components)
    assert all(sum(map(int, row[1:])) == 20 for row in verdicts[2:])


def test_the_tables_are_short_enough_to_be_shown_on_the_page(pages: dict[str, dict[str, str]]) -> None:
    lengths = {(label, name): len(text) for label, page in pages.items() for name, text in page.items() if name in OURS}
    assert len(lengths) == 16 * 3 + 3
    assert {key: length for key, length in lengths.items() if length >= INLINE} == {}


def test_other_pages_have_none_of_this(refreshed: House) -> None:
    reader = refreshed.runner.reader
    others = [step for step in build_plan(refreshed.contracts) if step.kind not in KINDS]
    assert {step.kind for step in others} > {"source", "indicator", "edition", "change", "joined", "publication"}
    for step in others:
        assert not OURS.intersection(step.page.shows(step, refreshed.contracts, reader)), step.label

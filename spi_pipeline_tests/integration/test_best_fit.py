"""Luton without output areas and postcodes: LSOAs are allocated to wards by best fit.

The figures by output area are added up to LSOAs, and the tables that allow a better allocation are removed. A
comparison with Luton allocated by postcodes shows the error of the figures.
"""

from __future__ import annotations

import datetime as dt

import pandas as pd
import pyarrow as pa
import pytest

from spi_pipeline.contracts.models.geography import PLACING_SOURCES
from spi_pipeline.orchestration.assets import operations
from spi_pipeline.run.plan import build_plan
from spi_pipeline.snapshot.embedded import (
    MANIFEST,
    embedded_file,
    manifest,
    read_embedded,
    snapshot_as_of,
    snapshot_digests,
    snapshot_tables,
)
from spi_pipeline_tests.docs.documents import REPOSITORY, assert_table, markdown_table
from spi_pipeline_tests.integration.sandboxes import Sandbox, empty_sandbox

DOCUMENT = REPOSITORY / "docs" / "geography.md"


def without(sandbox: Sandbox, *names: str) -> None:
    """Remove embedded tables."""
    folder = sandbox.settings.snapshot
    remaining = {name: digest for name, digest in snapshot_digests(folder).items() if name not in names}
    for name in names:
        embedded_file(folder, name).unlink()
    (folder / MANIFEST).write_bytes(manifest(snapshot_as_of(folder), remaining))


def to_lsoas(table: pa.Table, parent: dict[str, str]) -> pa.Table:
    frame = table.to_pandas()
    added = frame.groupby(frame["area_code"].map(parent)).sum(numeric_only=True).reset_index()
    return pa.Table.from_pandas(added, schema=table.schema.remove_metadata(), preserve_index=False)


@pytest.fixture(scope="module")
def by_fit(tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    sandbox = empty_sandbox(tmp_path_factory.mktemp("by_fit")).building("site")
    lookup = read_embedded(sandbox.settings.snapshot, "output_area_lookup").table.to_pandas()
    parent = dict(zip(lookup["area_code"], lookup["lsoa_code"], strict=True))
    for name in sorted(set(snapshot_tables(sandbox.settings.snapshot)).difference(PLACING_SOURCES)):
        table = read_embedded(sandbox.settings.snapshot, name).table
        if "area_code" in table.column_names and set(table["area_code"].to_pylist()) <= parent.keys():
            sandbox.rewrite(name, lambda rows: to_lsoas(rows, parent))
    without(sandbox, *PLACING_SOURCES)
    sandbox.amend("geography.yaml", "{oa21: 621, ", "{")
    runner, now = sandbox.runner, dt.datetime.now(dt.UTC)
    for steps in operations(build_plan(sandbox.contracts)).values():
        outcomes = runner.run(steps, "by_fit", now)
        assert [outcome.message for outcome in outcomes if outcome.message] == []
    return sandbox


def test_the_method_follows_from_the_available_tables_and_is_published(by_fit: Sandbox) -> None:
    assert "placed_by" not in (by_fit.settings.contracts / "geography.yaml").read_text(encoding="utf-8")
    assert by_fit.query("SELECT DISTINCT placed_by, split_share, split_lsoa_share FROM area") == [
        ("best_fit", None, None)
    ]
    assert by_fit.query("SELECT DISTINCT method FROM allocation WHERE geography = 'lsoa21'") == [("best_fit",)]
    quality = (by_fit.store.published / "site" / "quality.html").read_text(encoding="utf-8")
    assert "Each LSOA counts whole in the ward that it fits best" in quality
    assert "shared out by residents" not in quality


def scores(sandbox: Sandbox, level: str) -> pd.DataFrame:
    rows = sandbox.query(
        "SELECT id, area_code, score, measured_low, measured_high, rank, rank_low, rank_high FROM score JOIN area "
        "USING (area_code) WHERE edition = (SELECT max(edition) FROM edition) AND profile = 'spi' AND "
        "area.level = 'ward' AND score.level = ?",
        level,
    )
    names = ["id", "area_code", "score", "low", "high", "rank", "rank_low", "rank_high"]
    return pd.DataFrame(rows, columns=names).set_index(["id", "area_code"]).astype(float)


def test_intervals_are_wider_and_contain_the_scores_by_postcodes(by_fit: Sandbox, refreshed: Sandbox) -> None:
    header = [
        "Scores of",
        "Scores",
        "Interval, points",
        "By postcodes",
        "Scores by postcodes within",
        "Rank correlation",
    ]
    rows: list[list[object]] = []
    for level in ("indicator", "component", "dimension", "index"):
        whole, shared = scores(by_fit, level), scores(refreshed, level)
        # Registered electors of a ward are not divided by residents allocated by best fit.
        assert {name for name, _ in set(shared.index) ^ set(whole.index)} <= {"electoral_registration"}
        both = whole.join(shared.add_prefix("true_")).dropna()
        width, before = both["high"] - both["low"], both["true_high"] - both["true_low"]
        within = both["true_score"].between(both["low"], both["high"]).mean()
        order = both.groupby("id")[["score", "true_score"]].corr(method="spearman").xs("score", level=1)["true_score"]
        assert width.mean() > before.mean()
        assert within >= 0.90
        rows.append(
            [level, len(both), f"{width.mean():.1f}", f"{before.mean():.1f}", f"{within:.0%}", f"{order.mean():.3f}"]
        )
        assert both["true_rank"].between(both["rank_low"], both["rank_high"]).mean() >= 0.95
    assert_table(DOCUMENT, "scores both ways", markdown_table(header, rows, numbers=header[1:]))

"""The view ``ward_overview``: one row for each ward and for the town, with every figure equal to its table's."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa
import pytest

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.outputs.duckdb_file import write
from spi_pipeline.outputs.overview import ward_overview
from spi_pipeline.outputs.queries import reading
from spi_pipeline_tests.integration.sandboxes import Sandbox

LUTON = "E06000032"


@pytest.fixture(scope="module")
def tables(refreshed: Sandbox) -> dict[str, pd.DataFrame]:
    """The view and the published tables, all but ``edition`` restricted to the newest edition and profile ``spi``."""
    names = ("score", "change", "observation", "indicator", "scorecard", "context", "area", "edition", "ward_overview")
    with reading(refreshed.store.database) as connection:
        result = {name: connection.sql(f"SELECT * FROM {name}").df() for name in names}
    newest = result["edition"]["edition"].max()
    for name, table in result.items():
        for column, expected in (("edition", newest), ("profile", "spi")):
            if column in table and name != "edition":
                result[name] = result[name][result[name][column] == expected]
    return result


@pytest.fixture(scope="module")
def overview(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    return tables["ward_overview"].set_index("area_code")


def assert_same(result: pd.Series, source: pd.Series) -> None:
    """Assert that a column of the view has the same value, or the same gap, as the table for every area."""
    expected = source.reindex(result.index).astype(object)
    own = result.astype(object)
    pd.testing.assert_series_equal(
        own.where(own.notna(), None), expected.where(expected.notna(), None), check_names=False, check_dtype=False
    )


def test_wards_have_one_row_each_best_first_and_the_town_is_last(overview: pd.DataFrame) -> None:
    assert overview.index.is_unique
    assert len(overview) == 21
    assert overview["social_progress_index_rank"].tolist()[:20] == list(range(1, 21))
    assert overview.index[-1] == LUTON
    assert set(overview["edition"]) == {2026}
    assert set(overview["profile"]) == {"spi"}


def test_scores_ranks_and_changes_equal_their_tables(
    overview: pd.DataFrame, tables: dict[str, pd.DataFrame], refreshed: Sandbox
) -> None:
    framework = refreshed.contracts.framework
    elements = [framework.id, *(each.id for each in framework.dimensions), *framework.components]
    assert len(elements) == 16
    changes = tables["change"]
    first, last = tables["edition"]["edition"].min(), tables["edition"]["edition"].max()
    since = changes[(changes["edition_from"] == first) & (changes["edition_to"] == last)]
    assert len(since)
    for name in elements:
        own = tables["score"][tables["score"]["id"] == name].set_index("area_code")
        ends = ["score", "rank", "rank_low", "rank_high"]
        for column in [*ends, *(["score_low", "coverage", "age_years", "recent_weight"] * (name == framework.id))]:
            assert_same(overview[f"{name}_{column}"], own[column])
        moved = since[since["id"] == name].set_index("area_code")["verdict"]
        assert_same(overview[f"{name}_change"], moved)


def test_the_dates_of_the_oldest_and_newest_figures_equal_the_tables(
    overview: pd.DataFrame, tables: dict[str, pd.DataFrame]
) -> None:
    used = tables["indicator"].loc[tables["indicator"]["in_basis"], "indicator_id"]
    rows = tables["observation"][tables["observation"]["indicator_id"].isin(used)]
    days = rows.groupby("area_code")["period_end"]
    assert_same(overview["oldest_figure"], days.min())
    assert_same(overview["newest_figure"], days.max())


@pytest.mark.parametrize(
    ("column", "verdict", "level"),
    [
        ("strengths", "strength", "component"),
        ("weaknesses", "weakness", "component"),
        ("strong_indicators", "strength", "indicator"),
        ("weak_indicators", "weakness", "indicator"),
    ],
)
def test_strengths_and_weaknesses_are_listed_largest_first(
    overview: pd.DataFrame, tables: dict[str, pd.DataFrame], refreshed: Sandbox, column: str, verdict: str, level: str
) -> None:
    cards = tables["scorecard"]
    own = cards[(cards["verdict"] == verdict) & (cards["level"] == level)]
    own = own.assign(title=own["id"].map(refreshed.contracts.titles), size=own["difference"].abs())
    own = own.sort_values(["size", "title"], ascending=[False, True])
    assert_same(overview[column], own.groupby("area_code")["title"].agg("; ".join))
    assert overview[column].notna().sum() > 10
    assert pd.isna(overview.loc[LUTON, column]), "a town has no peers"


def test_the_context_is_the_newest_figure_of_every_measure(
    overview: pd.DataFrame, tables: dict[str, pd.DataFrame], refreshed: Sandbox
) -> None:
    contracts, context = refreshed.contracts, tables["context"].dropna(subset=["value"])
    measures = [name for name in contracts.context if name in set(context["measure_id"])]
    assert len(measures) > 10
    assert context.duplicated(["measure_id", "area_code"]).any(), "some measures have several years"
    for name in measures:
        own = context[context["measure_id"] == name].sort_values("period_end").groupby("area_code")["value"].last()
        assert_same(overview[name], own)


def test_every_column_has_a_comment(refreshed: Sandbox) -> None:
    comments = dict(
        refreshed.query("SELECT column_name, comment FROM duckdb_columns() WHERE table_name = 'ward_overview'")
    )
    assert all(comments.values())
    assert comments["safety_rank"] == "Safety: Rank within the authority, 1 is best"
    assert comments["net_income_after_housing"].startswith(
        "Net household income after housing costs (£ a year), 2019-04-01 to 2020-03-31. "
    )
    assert comments["children"].startswith("Residents aged under 15 (%), 2021-03-21. ")


def context_rows(**of_measure: list[tuple[str, int, float | None]]) -> pa.Table:
    """Rows of ``context`` from each measure's areas, years and values, with extra columns that the view ignores."""
    rows: list[dict[str, Any]] = [
        {"measure_id": name, "area_code": area, "period_start": dt.date(year, 1, 1),
         "period_end": dt.date(year, 12, 31), "value": value, "lower": None, "title": name}
        for name, result in of_measure.items()
        for area, year, value in result
    ]  # fmt: skip
    schema = pa.schema(
        {"measure_id": pa.string(), "area_code": pa.string(), "period_start": pa.date32(),
         "period_end": pa.date32(), "value": pa.float64(), "lower": pa.float64(), "title": pa.string()}
    )  # fmt: skip
    return pa.Table.from_pylist(rows, schema=schema)


def with_measures(contracts: Contracts, *names: str) -> Contracts:
    """The contracts, with only these measures in the context."""
    one = next(iter(contracts.context.values()))
    return replace(
        contracts, context={name: one.model_copy(update={"id": name, "title": f"The {name}"}) for name in names}
    )


def test_a_new_context_measure_is_a_new_column(refreshed: Sandbox, tmp_path: Path) -> None:
    contracts = with_measures(refreshed.contracts, "dogs", "cats", "birds")
    ward = refreshed.contracts.geography.ward_codes[0]
    rows = context_rows(
        dogs=[(ward, 2020, 5.0), (ward, 2021, 7.0), (LUTON, 2021, 6.0)],
        cats=[(ward, 2020, 3.0), (ward, 2021, None)],
    )
    view = ward_overview(contracts, rows)
    assert list(view.columns)[-3:] == ["dogs", "cats", "birds"]
    assert view.columns["dogs"].startswith("The dogs, 2021-01-01 to 2021-12-31. ")
    assert view.columns["cats"].startswith("The cats, 2020-01-01 to 2020-12-31. ")
    assert view.columns["birds"].startswith("The birds. ")
    with duckdb.connect(str(tmp_path / "some.duckdb")) as connection:
        connection.execute(f"ATTACH '{refreshed.store.database.resolve()}' AS old (READ_ONLY)")
        for name in ("area", "edition", "score", "change", "observation", "indicator", "scorecard"):
            connection.execute(f"CREATE TABLE {name} AS FROM old.{name}")
        connection.register("context", rows)
        result = connection.sql(view.query).df().set_index("area_code")[["dogs", "cats", "birds"]]
    assert result.loc[ward].tolist()[:2] == [7, 3], "the newest known value is used"
    assert result.loc[LUTON, "dogs"] == 6
    assert result["birds"].isna().all()
    assert result.drop([ward, LUTON]).isna().all(axis=None)


def test_a_view_without_measures_contains_only_the_index(refreshed: Sandbox) -> None:
    view = ward_overview(with_measures(refreshed.contracts), context_rows())
    assert "FROM context" not in view.query
    assert list(view.columns)[-1] == "weak_indicators"


def test_a_measure_named_like_another_column_is_refused(refreshed: Sandbox) -> None:
    with pytest.raises(
        SpiError, match=r"two columns of the view ward_overview would share the name safety_score: .*id"
    ):
        ward_overview(with_measures(refreshed.contracts, "safety_score"), context_rows())


def test_a_view_over_tables_without_its_columns_is_refused(refreshed: Sandbox, tmp_path: Path) -> None:
    with pytest.raises(SpiError, match="View 'ward_overview' cannot go into the database"):
        write(tmp_path / "some.duckdb", [], [ward_overview(refreshed.contracts, context_rows())])

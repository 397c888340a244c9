"""Every council's part of the national tables passes the rules of the contracts: no bound is fitted to one town.

A council's part, or cut, is the rows of its small areas and wards. Rules about single rows are applied to all cuts at
once, rules about many rows to each cut. Ward values are computed here by a second route, in SQL, and must lie within
the bounds that the contracts call plausible.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.contracts.models.indicators import Measured
from spi_pipeline.geography.allocation import small_area_weights
from spi_pipeline.indicators.anchored import level_of
from spi_pipeline.rules.evaluation import evaluate
from spi_pipeline.rules.rule import Rule
from spi_pipeline.settings import Settings
from spi_pipeline.snapshot.council import council_geography
from spi_pipeline.snapshot.embedded import read_embedded, snapshot_tables
from spi_pipeline.snapshot.figures import Figures

ENGLAND = Settings().england

COUNCILS = 296
# A warning that more than one council in twenty triggers is useless.
MAX_WARNED = COUNCILS // 20
# These rules are applied to the whole table or checked in another way below. Totals are stated only for some councils.
TABLE_RULES = ("columns", "types", "key")
EVALUATED_SEPARATELY = (*TABLE_RULES, "known_areas", "coverage", "not_constant", "row_count", "agrees_with_total")
LARGE_TABLE_RULES = ("mean_magnitude", "null_share", "no_gaps")
# Electors are counted in their own ward, while best fit may place their LSOA's adults in the next: up to 240 electors
# for 100 adults. The indicator has no value there.
NOT_BY_BEST_FIT = {"electoral_registration"}
# Errors are estimated for councils with at least this many wards.
ENOUGH_WARDS = 10

_PLACES = """
    CREATE TABLE places AS
    SELECT 'lsoa21' AS geography, area_code, authority_code AS council FROM lsoa_best_fit
    UNION SELECT 'msoa21', msoa_code, authority_code FROM lsoa_best_fit
    UNION SELECT 'ward', ward_code, authority_code FROM lsoa_best_fit
    UNION SELECT 'lsoa11', lsoa_2011_code, authority_code
        FROM lsoa_2011_lookup JOIN lsoa_best_fit ON area_code = lsoa_2021_code
    UNION SELECT 'msoa11', msoa_2011_code, authority_code
        FROM msoa_2011_lookup JOIN lsoa_best_fit ON msoa_code = msoa_2021_code
"""


@pytest.fixture(scope="module")
def tables() -> dict[str, pa.Table]:
    return {name: read_embedded(ENGLAND, name).table.replace_schema_metadata(None) for name in snapshot_tables(ENGLAND)}


@pytest.fixture(scope="module")
def england(tables: dict[str, pa.Table]) -> Iterator[duckdb.DuckDBPyConnection]:
    """A database with every national table by name, and ``places``: the areas of each council."""
    with duckdb.connect(config={"threads": 2}) as connection:
        for name, table in tables.items():
            connection.register(name, table)
        connection.execute(_PLACES)
        yield connection


@pytest.fixture(scope="module")
def national(tables: dict[str, pa.Table]) -> list[str]:
    """The names of the tables about small areas and wards."""
    return [name for name in tables if "area_code" in tables[name].column_names and name != "authority_lookup"]


def geography(contracts: Contracts, table: pa.Table, name: str) -> str:
    """The name that ``places`` uses for the geography of a table."""
    level = {"E01": "lsoa", "E02": "msoa", "E05": "ward"}[table["area_code"][0].as_py()[:3]]
    return level if level == "ward" else f"{level}{str(contracts.sources[name].properties.geography.vintage)[2:]}"


def broken(table: pa.Table, rules: list[Rule], name: str) -> list[str]:
    """A sentence for each rule that refuses the table, or whose warning too many councils trigger."""
    results = evaluate(table, rules, table_name=name)
    assert not [result for result in results if result.outcome == "errored"]
    return [
        f"{name}: {result.rule.id}: {result.observed}"
        for result in results
        if result.blocks or (result.outcome == "failed" and result.failing > MAX_WARNED)
    ]


def by_council(rule: Rule) -> Rule:
    return replace(rule, params=rule.params | {"by": [*rule.by, "council"]}) if rule.kind in LARGE_TABLE_RULES else rule


def test_the_cut_to_luton_sums_to_the_published_totals(every_contract: Contracts) -> None:
    """As in the folder that ``spi council Luton`` makes, which has no tables of its own."""
    figures = Figures(None, ENGLAND, council_geography("E06000032", ENGLAND, every_contract.sources))
    totals = {name: [rule for rule in every_contract.sources[name].rules if rule.kind == "agrees_with_total"]
              for name in figures.names & every_contract.sources.keys()}  # fmt: skip
    assert sum(map(len, totals.values())) > 20
    assert [fault for name, rules in totals.items() for fault in broken(figures.read(name).table, rules, name)] == []


def test_no_cut_breaks_a_rule(
    every_contract: Contracts, tables: dict[str, pa.Table], england: duckdb.DuckDBPyConnection, national: list[str]
) -> None:
    assert england.sql("SELECT count(DISTINCT council) FROM places").fetchall() == [(COUNCILS,)]
    assert len(national) > 20
    found = []
    for name in national:
        rules, kind = every_contract.sources[name].rules, geography(every_contract, tables[name], name)
        found += broken(tables[name], [rule for rule in rules if rule.kind in TABLE_RULES], name)
        cuts = england.sql(
            f"SELECT council, t.* FROM {name} t JOIN places p ON p.area_code = t.area_code AND geography = '{kind}'"
        ).to_arrow_table()
        found += broken(cuts, [by_council(rule) for rule in rules if rule.kind not in EVALUATED_SEPARATELY], name)
        for column in [column for rule in rules if rule.kind == "not_constant" for column in rule.columns]:
            alike = england.sql(
                f"SELECT council FROM cuts GROUP BY ALL HAVING count(DISTINCT {column}) < 2 AND count(*) > 1"
            ).fetchall()
            found += [f"{name}: {column} is the same all over {len(alike)} councils"] * (len(alike) > MAX_WARNED)
    assert found == []


def test_no_council_lacks_areas(
    every_contract: Contracts, tables: dict[str, pa.Table], england: duckdb.DuckDBPyConnection, national: list[str]
) -> None:
    found, judged = [], 0
    for name in national:
        kind = geography(every_contract, tables[name], name)
        held = england.sql(
            f"SELECT council, avg((area_code IN (SELECT area_code FROM {name}))::INT) AS share "
            f"FROM places WHERE geography = '{kind}' GROUP BY council"
        ).df()
        assert len(held) == COUNCILS
        # Tables by ward are election results, and other councils held no election.
        held = held[held["share"] > 0] if kind == "ward" else held
        for rule in every_contract.sources[name].rules:
            if rule.kind == "coverage" and rule.columns == ("area_code",):
                judged += 1
                short = held.loc[held["share"] < rule.params["min_share"], "council"].tolist()
                if len(short) > (0 if rule.severity == "error" else MAX_WARNED):
                    found.append(f"{name}: {rule.id}: {short}")
    assert found == []
    assert judged > 20


@pytest.fixture(scope="module")
def values(
    every_contract: Contracts, tables: dict[str, pa.Table], england: duckdb.DuckDBPyConnection, national: list[str]
) -> pd.DataFrame:
    """The value of every indicator and context measure in every ward and council; for anchored indicators, their level.

    Columns ``id, council, area_code, value, denominator``; each council also has a row as an area.
    """
    england.register("allocation", _allocation(england))
    measured = [*every_contract.indicators.values(), *every_contract.context.values()]
    found: pd.DataFrame = pd.concat(
        england.sql(_values(item, every_contract, tables)).df()
        for item in [level_of(item) if item.measure.level else item for item in measured]
        if {*every_contract.sources_of(item)} <= {*national}
        and item.measure.kind != "density"
        and item.id not in NOT_BY_BEST_FIT
    )
    return found


def _allocation(england: duckdb.DuckDBPyConnection) -> pd.DataFrame:
    """The best-fit weights, with a weight of 1 for each ward in itself."""
    fit = england.table("lsoa_best_fit").df().rename(columns={"area_code": "lsoa_code"})
    wards = fit[["ward_code", "authority_code"]].drop_duplicates()
    wards.columns = pd.Index(["area_code", "parent_code"])
    placed = small_area_weights(
        wards=wards.assign(geometry=None),
        lsoa_best_fit=fit,
        lsoa_2011_lookup=england.sql(
            "SELECT lsoa_2011_code AS lsoa11_code, lsoa_2021_code AS lsoa21_code FROM lsoa_2011_lookup"
        ).df(),
        msoa_2011_lookup=england.sql(
            "SELECT msoa_2011_code AS msoa11_code, msoa_2021_code AS msoa21_code FROM msoa_2011_lookup"
        ).df(),
        lsoa_lookup=england.sql(
            "SELECT area_code AS lsoa_code, msoa_code, residents, households FROM lsoa_best_fit "
            "JOIN census_residents USING (area_code) JOIN census_households USING (area_code)"
        ).df(),
    )
    own = wards.assign(geography="ward", small_area_code=wards["area_code"], weight=1.0)
    both: pd.DataFrame = pd.concat([placed, own[["geography", "small_area_code", "area_code", "weight"]]])
    return both


def _values(item: Measured, contracts: Contracts, tables: dict[str, pa.Table]) -> str:
    """The SQL query that computes one measure."""
    measure, source = item.measure, tables[item.source]
    kind = geography(contracts, source, item.source)
    weight, base = "a.weight", "a.residents"
    if measure.weighted_by == "households":
        weight, base = "a.household_weight", "a.households"
    if measure.denominator is not None:
        base = f"t.{measure.denominator.column}"
    counted = " + ".join(f"t.{column}" for column in measure.columns)
    above = f"sum({weight} * ({counted}){f' * {base}' if measure.kind == 'mean' else ''})"
    below = f"sum({weight} * {base}) FILTER (WHERE {counted} IS NOT NULL)"
    per = {"share": 100, "rate": measure.per}.get(measure.kind, 1)
    newest = f" WHERE year = (SELECT max(year) FROM {item.source})" if "year" in source.column_names else ""
    return f"""
        SELECT '{item.id}' AS id, council, coalesce(p.area_code, council) AS area_code,
            {per} * {above}{"" if measure.kind == "total" else f" / nullif({below}, 0)"} AS value,
            {"NULL" if measure.kind == "total" else below}::DOUBLE AS denominator
        FROM (SELECT * FROM {item.source}{newest}) t
        JOIN allocation a ON small_area_code = t.area_code AND a.geography = '{kind}'
        JOIN places p ON p.area_code = a.area_code AND p.geography = 'ward'
        GROUP BY GROUPING SETS ((council, p.area_code), (council))
    """


def test_no_ward_value_is_implausible(every_contract: Contracts, values: pd.DataFrame) -> None:
    found = []
    for product, about, measured in (
        ("indicator_value", "indicator_id", every_contract.indicators),
        ("context", "measure_id", every_contract.context),
    ):
        own = values[values["id"].isin(list(measured))].rename(columns={"id": about}).drop(columns="area_code")
        table = pa.Table.from_pandas(own, preserve_index=False)
        known = [
            rule for rule in every_contract.products[product].rules if {*rule.all_columns} <= {*table.column_names}
        ]
        judging = [rule for rule in known if rule.kind in ("between", "between_by", "mean_magnitude")]
        assert "plausible" in [rule.id for rule in judging]
        found += broken(table, [by_council(rule) for rule in judging], product)
    assert found == []
    assert values["id"].nunique() > 50


def test_errors_of_lutons_wards_are_compared_with_the_median_council(
    every_contract: Contracts, values: pd.DataFrame
) -> None:
    wards = values[values["area_code"].str.startswith("E05")]
    panel = wards.pivot(index=["council", "area_code"], columns="id", values="value")
    councils = panel.groupby("council").filter(lambda rows: len(rows) >= ENOUGH_WARDS).groupby("council")
    documented, found, times = {}, {}, []
    for indicator in every_contract.indicators.values():
        error = indicator.error
        match = re.search(
            r"median council of England it (?:is|would be) (\d+(?:\.\d+)?)", error.reason if error else ""
        )
        if error is None or match is None:
            continue
        share = 0.5 if error.other is None else 1 - councils[[indicator.id, error.other]].corr().iloc[::2, 1].abs()
        estimated = councils[indicator.id].std().to_numpy() * np.sqrt(share)
        documented[indicator.id] = float(match[1])
        found[indicator.id] = float(f"{np.nanmedian(estimated):.2g}")
        times.append(float(np.nanmedian(estimated)) / (error.sd or np.nan))
    assert len(councils) == 292
    assert len(documented) > 20
    assert documented == found
    assert [round(part, 1) for part in np.quantile(times, [0, 0.5, 1])] == [0.8, 1.2, 3.0], (
        "as docs/methodology.md says"
    )

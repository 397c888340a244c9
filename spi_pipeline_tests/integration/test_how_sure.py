"""How sure the published figures are: intervals of values and ranks, what drives the doubt, peers; by second routes."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pandas as pd
import pytest
from scipy import stats
from spi_pipeline.scoring.again import Tables, scored_again

from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.engine.framework.doubt import SOURCES
from spi_pipeline.outputs.queries import reading
from spi_pipeline_tests.integration.houses import House

FARLEY, LUTON = "E05014742", "E06000032"
Z = float(stats.norm.ppf(0.975))


@pytest.fixture(scope="module")
def contracts(refreshed: House) -> Contracts:
    return refreshed.contracts


@pytest.fixture(scope="module")
def db(refreshed: House) -> Iterator[duckdb.DuckDBPyConnection]:
    with reading(refreshed.store.database) as connection:
        yield connection


def rows(db: duckdb.DuckDBPyConnection, query: str, *values: object) -> list[tuple]:
    return db.execute(query, values).fetchall()


def test_a_share_is_as_far_from_the_ends_of_its_interval_as_chance_carries(db: duckdb.DuckDBPyConnection) -> None:
    """Wilson's ends solve ``|p - end| = z √(end (1 - end) / n)``."""
    found = rows(
        db,
        "SELECT value / 100, lower / 100, upper / 100, denominator FROM observation "
        "WHERE indicator_id IN ('no_central_heating', 'vaccinated_50_and_over') AND value IS NOT NULL",
    )
    assert len(found) > 100
    for value, lower, upper, people in found:
        for end in (lower, upper):
            assert abs(value - end) == pytest.approx(Z * (end * (1 - end) / people) ** 0.5)


def test_a_rate_of_events_has_the_interval_of_its_count(db: duckdb.DuckDBPyConnection) -> None:
    found = rows(
        db,
        "SELECT numerator, denominator, lower, upper FROM observation "
        "WHERE indicator_id = 'stop_and_search' AND value IS NOT NULL",
    )
    assert any(events < 10 for events, *_ in found)
    assert any(events >= 10 for events, *_ in found)
    for events, people, lower, upper in found:
        exact = [stats.chi2.ppf(0.025, 2 * events) / 2, stats.chi2.ppf(0.975, 2 * events + 2) / 2]
        near = 1e-9 if events < 10 else 0.005
        assert [lower * people / 1000, upper * people / 1000] == pytest.approx(exact, rel=near)


def test_what_is_published_without_counts_has_no_interval_and_says_so(
    db: duckdb.DuckDBPyConnection, contracts: Contracts
) -> None:
    with_one = {name for (name,) in rows(db, "SELECT DISTINCT indicator_id FROM observation WHERE lower IS NOT NULL")}
    counted = {item.id for item in contracts.active if item.measure.kind != "mean"}
    assert with_one == counted
    bare = rows(
        db, "SELECT count(*) FROM observation WHERE value IS NOT NULL AND (lower IS NULL) <> (numerator IS NULL)"
    )
    assert bare == [(0,)]
    said = {
        name for (name,) in rows(db, "SELECT indicator_id FROM indicator WHERE limits LIKE '%No interval: the counts%'")
    }
    assert said == {name for name, item in contracts.indicators.items() if item.measure.kind == "mean"}


def published(db: duckdb.DuckDBPyConnection, *products: str) -> dict[str, pd.DataFrame]:
    return {name: db.execute(f"SELECT * FROM {name}").df() for name in products}


def test_the_engine_arrives_at_every_score_of_every_edition_and_profile(
    db: duckdb.DuckDBPyConnection, contracts: Contracts
) -> None:
    tables = Tables(**published(db, "score", "weight", "observation", "imputation", "indicator"))
    compared = 0
    for name, edition in rows(db, "SELECT profile, edition FROM edition"):
        profile = contracts.framework.profiles[name]
        again = scored_again(tables, name, profile, edition, sorted(contracts.geography.ward_codes)).scores
        own = tables.score[(tables.score["profile"] == name) & (tables.score["edition"] == edition)]
        expected = own.pivot(index="area_code", columns="id", values="score").loc[again.loc[edition].index]
        assert set(expected.columns) == set(again.columns)
        pd.testing.assert_frame_equal(again.loc[edition], expected[again.columns], check_names=False, rtol=0, atol=1e-9)
        compared += expected.notna().to_numpy().sum()
    (wards,) = rows(db, "SELECT count(score) FROM score WHERE area_code LIKE 'E05%'")[0]
    assert compared == wards


def test_every_rank_has_its_interval_and_nothing_else_has(db: duckdb.DuckDBPyConnection) -> None:
    assert rows(db, "SELECT count(*) FROM score WHERE (rank IS NULL) <> (rank_low IS NULL)") == [(0,)]
    assert rows(db, "SELECT count(*) FROM score WHERE (rank_low IS NULL) <> (rank_high IS NULL)") == [(0,)]
    joined = rows(
        db,
        "SELECT count(*), count(*) FILTER (s.rank_low = r.rank_low AND s.rank_high = r.rank_high) "
        "FROM score s JOIN rank_interval r USING (edition, profile, level, id, area_code)",
    )
    assert joined == rows(db, "SELECT count(*), count(*) FROM score WHERE rank IS NOT NULL")
    assert rows(db, "SELECT min(rank_low), max(rank_high) FROM score") == [(1, 20)]


def test_what_no_error_can_move_is_certain_and_small_counts_are_not(db: duckdb.DuckDBPyConnection) -> None:
    """An indicator without counts keeps its ranks; searches, of which some wards have a dozen, do not."""
    widths = dict(
        rows(
            db,
            "SELECT id, max(rank_high - rank_low) FROM score WHERE level = 'indicator' AND profile = 'spi' GROUP BY id",
        )
    )
    assert widths["connectivity"] == 0
    assert widths["stop_and_search"] >= 5


def test_every_source_of_doubt_is_told_for_every_edition(db: duckdb.DuckDBPyConnection, contracts: Contracts) -> None:
    told = rows(db, "SELECT edition, profile, list_sort(list(source)) FROM doubt GROUP BY ALL ORDER BY ALL")
    assert told == [
        (edition, profile, sorted(SOURCES))
        for edition, profile in rows(db, "SELECT edition, profile FROM edition ORDER BY ALL")
    ]
    wanted = contracts.framework.uncertainty
    assert rows(db, "SELECT DISTINCT draws, seed FROM doubt") == [(wanted.draws, wanted.seed)]
    not_varied = rows(db, "SELECT DISTINCT profile, source, how FROM doubt WHERE NOT varied")
    # Farley's election was held later, so that in 2022 nothing is missing.
    assert set(not_varied) == {
        ("equal", "imputation", "no cell was filled"),
        ("spi", "imputation", "no cell was filled"),
    }
    filled = rows(db, "SELECT edition FROM doubt WHERE profile = 'spi' AND source = 'imputation' AND varied ORDER BY 1")
    assert filled == rows(db, "SELECT DISTINCT edition FROM imputation WHERE profile = 'spi' ORDER BY 1")


def test_shares_of_the_doubt_are_there_for_what_was_varied(db: duckdb.DuckDBPyConnection) -> None:
    pairs = rows(
        db,
        "SELECT d.varied, s.total IS NOT NULL, s.first IS NOT NULL FROM doubt d "
        "JOIN sensitivity s USING (authority_code, edition, profile, source)",
    )
    assert len(pairs) == 2 * len(SOURCES)
    assert all(varied == total == first for varied, total, first in pairs)
    assert rows(db, "SELECT DISTINCT edition FROM sensitivity") == rows(db, "SELECT max(edition) FROM edition")


def test_peers_are_the_nearest_in_income(db: duckdb.DuckDBPyConnection, contracts: Contracts) -> None:
    wanted = contracts.peers
    income = dict(rows(db, "SELECT area_code, arg_max(value, period_end) FROM economy WHERE measure_id = ? "
                       "AND area_code LIKE 'E05%' GROUP BY 1", wanted.measure))  # fmt: skip
    cards = rows(
        db,
        "SELECT c.area_code, peers, peer_median, difference, verdict, s.score, c.edition FROM scorecard c "
        "JOIN score s USING (edition, profile, level, id, area_code) WHERE level = 'index' AND profile = 'spi'",
    )
    scores = {
        (edition, area): score
        for edition, area, score in rows(
            db, "SELECT edition, area_code, score FROM score WHERE level = 'index' AND profile = 'spi'"
        )
    }
    assert {area for area, *_ in cards} == set(contracts.geography.ward_codes)
    for area, peers, median, difference, verdict, score, edition in cards:
        others = sorted(set(income) - {area}, key=lambda other: (abs(income[other] - income[area]), other))
        nearest = others[: wanted.count]
        assert peers.split(",") == nearest
        beside = pd.Series([scores[edition, other] for other in nearest])
        assert median == pytest.approx(beside.median())
        margin = max((beside - beside.median()).abs().mean(), wanted.floor)
        word = "strength" if score - median > margin else "weakness" if score - median < -margin else "neutral"
        assert (difference, verdict) == (pytest.approx(score - median), word)

"""Where each ward stands among the wards of England: the embedded tables checked by another route."""

from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest
from scipy import stats

from spi_pipeline.contracts.loader import load_contracts
from spi_pipeline.contracts.models.geography import ENGLAND as WHOLE
from spi_pipeline.contracts.models.geography import GOES_WITH, STANDING
from spi_pipeline.run.plan import build_plan
from spi_pipeline.settings import Settings
from spi_pipeline.snapshot.council import council_geography, councils, geography_file
from spi_pipeline.snapshot.embedded import embedded_file, snapshot_tables
from spi_pipeline.snapshot.figures import Figures
from spi_pipeline.steps.analysis.standing import standing_steps
from spi_pipeline.steps.national import LEFT_OUT
from spi_pipeline.steps.step import compute
from spi_pipeline_tests.integration.sandboxes import CONTRACTS, Sandbox
from spi_pipeline_tests.steps.examples import given

ENGLAND = Settings().england
# If the ranks rose with deprivation anywhere, a sign would be wrong somewhere in the computation.
WARDS_AND_REGIONS = """
    WITH deprived AS (
        SELECT ward_code, sum(multiple_deprivation * residents) / sum(residents) AS deprived
        FROM '{lsoa_best_fit}' JOIN '{deprivation_2025_index}' USING (area_code)
        JOIN '{census_residents}' USING (area_code)
        GROUP BY ward_code
    ), placed AS (
        SELECT wards.area_code, region FROM '{wards}' wards
        JOIN '{authority_lookup}' council ON council.area_code = wards.authority_code
    ), ranked AS (
        SELECT id, region, rank() OVER (PARTITION BY id, region ORDER BY score) AS by_score,
               rank() OVER (PARTITION BY id, region ORDER BY deprived) AS by_need
        FROM '{england_standing}' JOIN placed USING (area_code) JOIN deprived ON ward_code = area_code
        WHERE level <> 'component'
    )
    SELECT id, region, count(*) AS wards, corr(by_score, by_need) AS correlation FROM ranked GROUP BY ALL ORDER BY ALL
"""


def query_england(query: str) -> pd.DataFrame:
    files = {name: embedded_file(ENGLAND, name) for name in snapshot_tables(ENGLAND)}
    found: pd.DataFrame = duckdb.execute(query.format(**files)).df()
    return found


def test_less_deprived_wards_do_better_in_every_region_by_index_and_dimension() -> None:
    found = query_england(WARDS_AND_REGIONS)
    assert (found["region"].nunique(), found["id"].nunique()) == (9, 4)
    assert found.groupby("id")["wards"].sum().eq(6784).all()
    wrong = found[found["correlation"] >= 0]
    assert wrong.empty, f"\n{wrong}"
    index = found[found["id"] == "social_progress_index"]
    assert index["correlation"].max() < -0.5, f"\n{index}"


def test_ranks_tenths_and_shares_follow_from_the_scores() -> None:
    wrong = query_england("""
        WITH again AS (
            SELECT *, rank() OVER (PARTITION BY id ORDER BY round(score, 9) DESC) AS place,
                   count(*) OVER (PARTITION BY id) AS n,
                   rank() OVER (PARTITION BY id ORDER BY round(score, 9)) - 1 AS below
            FROM '{england_standing}'
        )
        SELECT * FROM again WHERE rank <> place OR wards <> n OR decile <> ceil(10.0 * place / n)
            OR abs(england_percentile - 100.0 * below / (n - 1)) > 1e-9 OR rank_low > rank_high
    """)
    assert wrong.empty
    tenths = query_england("SELECT decile, count(*) AS n FROM '{england_standing}' WHERE level = 'index' GROUP BY ALL")
    assert sorted(tenths["decile"]) == list(range(1, 11))
    assert tenths["n"].between(670, 687).all()


def test_similar_wards_are_others_nearest_first() -> None:
    wrong = query_england("""
        SELECT * FROM (
            SELECT *, lag(distance) OVER (PARTITION BY area_code ORDER BY place) AS nearer FROM '{england_similar}'
        ) WHERE area_code = other_code OR nearer > distance
    """)
    assert wrong.empty
    counted = query_england("SELECT count(DISTINCT area_code) AS n, max(place) AS k FROM '{england_similar}'")
    assert counted.to_numpy().tolist() == [[6784, 5]]


# The measures that the index is compared with, from each ward's small areas. Income deprivation is weighted by
# residents. Age is by LSOA of 2011: its people are shared out in proportion to the residents of the LSOAs of 2021 that
# it became. An LSOA of 2021 made from several of 2011 counts an equal share of its residents towards each.
MEASURES = """
    WITH fit AS (FROM '{lsoa_best_fit}' JOIN '{census_residents}' USING (area_code)),
    deprived AS (
        SELECT ward_code, sum(income_deprived * residents) / sum(residents) AS income_deprived
        FROM fit JOIN '{deprivation_2025_index}' USING (area_code) GROUP BY ward_code
    ), part AS (
        SELECT lsoa_2011_code, ward_code, residents / count(*) OVER (PARTITION BY lsoa_2021_code) AS people
        FROM '{lsoa_2011_lookup}' JOIN fit ON area_code = lsoa_2021_code
    ), share AS (SELECT *, people / sum(people) OVER (PARTITION BY lsoa_2011_code) AS share FROM part),
    older AS (
        SELECT ward_code, 100 * sum(share * aged_65_and_over) / sum(share * residents) AS older_people_mid_year
        FROM share JOIN '{population_estimates}' ON area_code = lsoa_2011_code
        WHERE year = (SELECT max(year) FROM '{population_estimates}') GROUP BY ward_code
    )
    SELECT ward_code AS area_code, income_deprived, older_people_mid_year FROM deprived JOIN older USING (ward_code)
"""


def test_correlations_of_the_index_follow_from_figures_of_small_areas() -> None:
    composition = query_england("SELECT * FROM '{england_composition}' WHERE profile = 'spi'")
    scores = query_england("SELECT * FROM '{england_standing}'").pivot(index="area_code", columns="id", values="score")
    measures = query_england(MEASURES).set_index("area_code").reindex(scores.index)
    assert len(measures) == 6784
    assert measures.notna().all().all()
    assert set(composition["measure_id"]) == set(measures)
    assert set(composition["id"]) == set(scores)
    assert len(composition) == measures.shape[1] * scores.shape[1]
    poor = stats.rankdata(measures["income_deprived"])
    for row in composition.itertuples():
        # Instead of the formula, correlate the residuals of both ranks regressed on the rank of income deprivation.
        known = scores[row.id].notna().to_numpy()
        ranks = [stats.rankdata(one[known]) for one in (scores[row.id], measures[row.measure_id])]
        given_ranks = stats.rankdata(poor[known])
        r = np.corrcoef(*ranks)[0, 1]
        assert row.n == known.sum()
        assert row.correlation == pytest.approx(r, abs=1e-9)
        wanted = [interval(r, row.n, 0)]
        stored_intervals = [(row.lower, row.upper)]
        if row.measure_id == "income_deprived":
            assert np.isnan(row.partial)
        else:
            lines = [np.polynomial.Polynomial.fit(given_ranks, one, 1)(given_ranks) for one in ranks]
            left = np.corrcoef(*(one - line for one, line in zip(ranks, lines, strict=True)))[0, 1]
            assert row.partial == pytest.approx(left, abs=1e-9)
            wanted.append(interval(left, row.n, 1))
            stored_intervals.append((row.partial_lower, row.partial_upper))
        assert stored_intervals == [pytest.approx(ends, abs=1e-9) for ends in wanted]


def interval(r: float, n: int, held: int) -> tuple[float, float]:
    half = stats.norm.ppf(0.975) * np.sqrt((1 + r * r / 2) / (n - 3 - held))
    return tuple(np.tanh(np.arctanh(r) + sign * half) for sign in (-1, 1))


# Every twentieth council in order of name.
SAMPLE = [row["area_code"] for row in councils(ENGLAND)[::20]]


@pytest.mark.parametrize("code", SAMPLE)
def test_a_council_has_the_national_standing_of_its_own_wards(code: str, tmp_path: Path) -> None:
    geography = council_geography(code, ENGLAND, load_contracts(CONTRACTS).sources)
    (tmp_path / "geography.yaml").write_text(geography_file(geography), encoding="utf-8")
    contracts, figures = (
        Sandbox(Settings(council=tmp_path, contracts=CONTRACTS)).contracts,
        Figures(None, ENGLAND, geography),
    )
    step = next(step for step in standing_steps(contracts) if step.name == "ward_standing")
    computed = compute(step, contracts, given({STANDING: figures.read(STANDING).table}))["ward_standing"].to_pandas()
    assert set(computed["area_code"]) == {ward.code for ward in geography.wards}
    everywhere = query_england("SELECT id, score FROM '{england_standing}'").groupby("id")["score"]
    for element, rows in computed.groupby("id"):
        others = everywhere.get_group(element).round(9).to_numpy()
        for row in rows.itertuples():
            below, above = (others < round(row.score, 9)).sum(), (others > round(row.score, 9)).sum()
            assert row.rank == above + 1
            assert row.decile == -(-10 * row.rank // len(others))
            assert row.england_percentile == pytest.approx(100 * below / (len(others) - 1), abs=1e-9)
    assert figures.read(GOES_WITH).table.num_rows == len(query_england("FROM '{england_composition}'")), (
        "this table is never cut"
    )


@pytest.fixture(scope="module")
def national(tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    folder = tmp_path_factory.mktemp("england")
    geography = council_geography(WHOLE, ENGLAND, load_contracts(CONTRACTS).sources)
    (folder / "geography.yaml").write_text(geography_file(geography), encoding="utf-8")
    return Sandbox(Settings(council=folder, contracts=CONTRACTS))


def test_england_is_one_area_of_all_wards_and_its_exclusions_exist(national: Sandbox) -> None:
    contracts = national.contracts
    assert contracts.geography.national
    assert (len(contracts.geography.wards), len(contracts.geography.council_codes)) == (6784, 296)
    assert not contracts.has_figures(STANDING), "its inputs are computed here"
    plan = {step.name: step for step in build_plan(contracts)}
    assert set(LEFT_OUT) <= plan.keys()
    assert all(not plan[name].inputs for name in LEFT_OUT)

"""Where each ward stands among the wards of England: the embedded tables, looked at by another route."""

import duckdb
import pandas as pd
import pytest

from spi_pipeline.contracts.loader import load_contracts
from spi_pipeline.contracts.models.geography import ENGLAND as WHOLE
from spi_pipeline.contracts.models.geography import SIMILAR, STANDING
from spi_pipeline.run.plan import build_plan
from spi_pipeline.settings import Settings
from spi_pipeline.snapshot.council import council_geography, geography_file
from spi_pipeline.snapshot.embedded import embedded_file
from spi_pipeline.steps.national import LEFT_OUT
from spi_pipeline_tests.integration.houses import CONTRACTS, House

ENGLAND = Settings().england
# The only wards that rank with those of a higher deprivation would be a wrong sign somewhere on the way.
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


def asked(query: str) -> pd.DataFrame:
    names = [
        "lsoa_best_fit",
        "deprivation_2025_index",
        "census_residents",
        "wards",
        "authority_lookup",
        STANDING,
        SIMILAR,
    ]
    found: pd.DataFrame = duckdb.execute(query.format(**{name: embedded_file(ENGLAND, name) for name in names})).df()
    return found


def test_less_deprived_wards_do_better_in_every_region_by_index_and_dimension() -> None:
    found = asked(WARDS_AND_REGIONS)
    assert (found["region"].nunique(), found["id"].nunique()) == (9, 4)
    assert found.groupby("id")["wards"].sum().eq(6784).all()
    wrong = found[found["correlation"] >= 0]
    assert wrong.empty, f"\n{wrong}"
    index = found[found["id"] == "social_progress_index"]
    assert index["correlation"].max() < -0.5, f"\n{index}"


def test_ranks_tenths_and_shares_follow_from_the_scores() -> None:
    wrong = asked("""
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
    tenths = asked("SELECT decile, count(*) AS n FROM '{england_standing}' WHERE level = 'index' GROUP BY ALL")
    assert sorted(tenths["decile"]) == list(range(1, 11))
    assert tenths["n"].between(670, 687).all()


def test_similar_wards_are_others_nearest_first() -> None:
    wrong = asked("""
        SELECT * FROM (
            SELECT *, lag(distance) OVER (PARTITION BY area_code ORDER BY place) AS nearer FROM '{england_similar}'
        ) WHERE area_code = other_code OR nearer > distance
    """)
    assert wrong.empty
    counted = asked("SELECT count(DISTINCT area_code) AS n, max(place) AS k FROM '{england_similar}'")
    assert counted.to_numpy().tolist() == [[6784, 5]]


@pytest.fixture(scope="module")
def national(tmp_path_factory: pytest.TempPathFactory) -> House:
    folder = tmp_path_factory.mktemp("england")
    geography = council_geography(WHOLE, ENGLAND, load_contracts(CONTRACTS).sources)
    (folder / "geography.yaml").write_text(geography_file(geography), encoding="utf-8")
    return House(Settings(council=folder, contracts=CONTRACTS))


def test_england_is_one_area_of_all_wards_and_what_is_left_out_of_it_exists(national: House) -> None:
    contracts = national.contracts
    assert contracts.geography.national
    assert (len(contracts.geography.wards), len(contracts.geography.council_codes)) == (6784, 296)
    assert not contracts.has_figures(STANDING), "it is made of what is computed here"
    plan = {step.name: step for step in build_plan(contracts)}
    assert set(LEFT_OUT) <= plan.keys()
    assert all(not plan[name].inputs for name in LEFT_OUT)

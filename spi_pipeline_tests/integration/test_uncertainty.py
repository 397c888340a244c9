"""Uncertainty of the published figures, computed a second way: intervals, sources of uncertainty and peers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.engine.framework.uncertainty_settings import SOURCES
from spi_pipeline.outputs.queries import reading
from spi_pipeline.run.plan import build_plan
from spi_pipeline.steps.indicator import DISPERSION, part_of
from spi_pipeline.steps.scored import areas, trees_of
from spi_pipeline_tests.integration.sandboxes import Sandbox

FARLEY, LUTON = "E05014742", "E06000032"
Z = float(stats.norm.ppf(0.975))


@pytest.fixture(scope="module")
def contracts(refreshed: Sandbox) -> Contracts:
    return refreshed.contracts


def test_the_ends_of_the_interval_of_a_share_solve_wilsons_equation(refreshed: Sandbox) -> None:
    """The ends of Wilson's interval solve ``|p - end| = z √(end (1 - end) / n)``."""
    rows = refreshed.query(
        "SELECT value / 100, lower / 100, upper / 100, denominator FROM observation "
        "WHERE indicator_id IN ('no_central_heating', 'vaccinated_50_and_over') AND value IS NOT NULL",
    )
    assert len(rows) > 100
    for value, lower, upper, people in rows:
        for end in (lower, upper):
            assert abs(value - end) == pytest.approx(Z * (end * (1 - end) / people) ** 0.5)


def test_a_rate_of_repeated_events_has_the_exact_interval_of_its_effective_count(refreshed: Sandbox) -> None:
    name = "stop_and_search"
    rows = refreshed.query(
        "SELECT numerator, denominator, lower, upper FROM observation WHERE indicator_id = ? AND value IS NOT NULL",
        name,
    )
    factor = float(refreshed.store.read(part_of(name)).schema.metadata[DISPERSION.encode()])
    assert any(events < 10 for events, *_ in rows)
    assert any(events >= 11 for events, *_ in rows)
    for events, people, lower, upper in rows:
        worth = events / factor
        exact = np.array([stats.chi2.ppf(0.025, 2 * worth), stats.chi2.ppf(0.975, 2 * worth + 2)]) * factor / 2
        near = 1e-9 if worth < 10 else 0.005
        assert [lower * people / 1000, upper * people / 1000] == pytest.approx(exact, rel=near)


def test_every_value_that_is_not_imputed_has_errors_and_the_catalogue_lists_the_assumed_ones(
    refreshed: Sandbox, contracts: Contracts
) -> None:
    bare = refreshed.query(
        "SELECT count(*) FROM observation WHERE value IS NOT NULL AND status <> 'imputed' AND NOT coalesce("
        "lower <= value + 1e-9 AND value <= upper + 1e-9 AND lower < upper AND allocation_error >= 0, false)",
    )
    assert bare == [(0,)]
    stated = {item.id: item.error_evidence for item in contracts.active}
    assert (
        dict(refreshed.query("SELECT DISTINCT indicator_id, error_evidence FROM observation WHERE lower IS NOT NULL"))
        == stated
    )
    assumed = {
        name
        for (name,) in refreshed.query("SELECT indicator_id FROM indicator WHERE limits LIKE '%error is assumed: %'")
    }
    assert assumed == {name for name, item in contracts.indicators.items() if item.error_evidence == "assumed"}


def test_only_figures_of_small_areas_that_wards_share_have_an_allocation_error(
    refreshed: Sandbox, contracts: Contracts
) -> None:
    """Points and ward figures are not split between wards, MSOA figures are; in the town total the errors cancel."""
    rows = refreshed.query(
        "SELECT indicator_id, level, max(allocation_error) FROM observation JOIN area USING (area_code) "
        "WHERE lower IS NOT NULL GROUP BY ALL",
    )
    for name, level, largest in rows:
        measure = contracts.indicators[name].measure
        # An indicator that police counts move starts from a small-area rate.
        source = measure.level.source if measure.level else contracts.indicators[name].source
        levels = contracts.sources[source].properties.geography.levels
        split = level == "ward" and levels not in (["point"], ["ward"])
        assert largest > 0 if split else largest == pytest.approx(0, abs=1e-9), (name, level)
    whole = refreshed.query(
        "SELECT count(*) FROM observation WHERE indicator_id = 'private_outdoor_space' AND allocation_error = 0 "
        "AND area_code LIKE 'E05%'"
    )
    assert whole == [(0,)]


def test_scores_recomputed_by_the_uncertainty_step_equal_the_published_scores(
    refreshed: Sandbox, contracts: Contracts
) -> None:
    """Scores recomputed by the uncertainty step equal the published scores to the last bit."""
    step = next(step for step in build_plan(contracts) if step.name == "uncertainty")
    inputs = refreshed.runner.reader.inputs(step)
    observed, editions = inputs.parts("indicator_value"), set(inputs.frame("edition")["edition"])
    observed = observed[observed["edition"].isin(editions)]
    with reading(refreshed.store.database) as published:
        score = published.execute("SELECT * FROM score").df()
    compared = 0
    for profile, tree in trees_of(contracts, inputs).items():
        own = score[score["profile"] == profile].pivot(index=["edition", "area_code"], columns="id", values="score")
        for authority, codes in areas(contracts).by_authority.items():
            whole = tree.score(tree.values(observed, codes), authority).scores
            assert set(whole.columns) == set(own.columns)
            expected = own.reindex(index=whole.index, columns=whole.columns)
            pd.testing.assert_frame_equal(whole, expected, check_names=False, check_exact=True)
            compared += expected.notna().to_numpy().sum()
    assert compared == score["score"].notna().sum()


def test_every_score_and_rank_has_an_interval_and_missing_ones_have_none(refreshed: Sandbox) -> None:
    assert refreshed.query("SELECT count(*) FROM score WHERE (rank IS NULL) <> (rank_low IS NULL)") == [(0,)]
    assert refreshed.query("SELECT count(*) FROM score WHERE (rank_low IS NULL) <> (rank_high IS NULL)") == [(0,)]
    ends = ("score_low", "score_high", "measured_low", "measured_high")
    for end in ends:
        without = f"SELECT count(*) FROM score WHERE level <> 'indicator' AND score IS NOT NULL AND {end} IS NULL"
        assert refreshed.query(without) == [(0,)], "from components up"
        assert refreshed.query(f"SELECT count(*) FROM score WHERE score IS NULL AND {end} IS NOT NULL") == [(0,)]
    same = " AND ".join(f"s.{end} IS NOT DISTINCT FROM r.{end}" for end in (*ends, "rank_low", "rank_high"))
    joined = refreshed.query(
        f"SELECT count(*), count(*) FILTER ({same}) FROM score s "
        "JOIN rank_interval r USING (edition, profile, level, id, area_code)",
    )
    assert joined == refreshed.query("SELECT count(*), count(*) FROM score WHERE score IS NOT NULL")
    assert refreshed.query("SELECT min(rank_low), max(rank_high) FROM score") == [(1, 20)]


def test_every_indicator_has_uncertain_ranks(refreshed: Sandbox) -> None:
    """Every indicator has uncertain ranks, even stop and search (a dozen in some wards) and those without counts."""
    widths = dict(
        refreshed.query(
            "SELECT id, max(rank_high - rank_low) FROM score WHERE level = 'indicator' AND profile = 'spi' GROUP BY id",
        )
    )
    assert min(widths.values()) > 0
    assert widths["stop_and_search"] >= 5


def test_every_source_of_uncertainty_is_listed_for_every_profile(refreshed: Sandbox, contracts: Contracts) -> None:
    listed = refreshed.query("SELECT profile, list_sort(list(source)) FROM doubt GROUP BY ALL ORDER BY ALL")
    assert listed == [(profile, sorted(SOURCES)) for profile in sorted(contracts.framework.profiles)]
    settings = contracts.framework.uncertainty
    assert refreshed.query("SELECT DISTINCT draws, seed FROM doubt") == [(settings.draws, settings.seed)]
    not_varied = refreshed.query("SELECT DISTINCT profile, source, how FROM doubt WHERE NOT varied")
    assert not_varied == [("equal", "imputation", "no cell was filled")]
    assert refreshed.query("SELECT DISTINCT profile FROM imputation") == [("spi",)]


def test_every_varied_source_has_a_share_of_the_uncertainty(refreshed: Sandbox) -> None:
    pairs = refreshed.query(
        "SELECT d.varied, s.total IS NOT NULL, s.first IS NOT NULL FROM doubt d "
        "JOIN sensitivity s USING (authority_code, profile, source)",
    )
    assert len(pairs) == 2 * len(SOURCES)
    assert all(varied == total == first for varied, total, first in pairs)
    assert refreshed.query("SELECT DISTINCT edition FROM sensitivity") == refreshed.query(
        "SELECT max(edition) FROM edition"
    )


def test_peers_are_the_nearest_in_income(refreshed: Sandbox, contracts: Contracts) -> None:
    settings = contracts.peers
    income = dict(refreshed.query("SELECT area_code, arg_max(value, period_end) FROM context WHERE measure_id = ? "
                       "AND area_code LIKE 'E05%' GROUP BY 1", settings.measure))  # fmt: skip
    cards = refreshed.query(
        "SELECT c.area_code, peers, peer_median, difference, verdict, s.score, c.edition FROM scorecard c "
        "JOIN score s USING (edition, profile, level, id, area_code) WHERE level = 'index' AND profile = 'spi'",
    )
    scores = {
        (edition, area): score
        for edition, area, score in refreshed.query(
            "SELECT edition, area_code, score FROM score WHERE level = 'index' AND profile = 'spi'"
        )
    }
    assert {area for area, *_ in cards} == set(contracts.geography.ward_codes)
    for area, peers, median, difference, verdict, score, edition in cards:
        others = sorted(set(income) - {area}, key=lambda other: (abs(income[other] - income[area]), other))
        nearest = others[: settings.count]
        assert peers.split(",") == nearest
        peer_scores = pd.Series([scores[edition, other] for other in nearest])
        assert median == pytest.approx(peer_scores.median())
        margin = max((peer_scores - peer_scores.median()).abs().mean(), settings.floor)
        word = "strength" if score - median > margin else "weakness" if score - median < -margin else "neutral"
        assert (difference, verdict) == (pytest.approx(score - median), word)

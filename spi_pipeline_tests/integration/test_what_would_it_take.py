"""The changes in ``what_would_it_take``, applied to the embedded figures, give the scores that the table states."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.outputs.queries import reading
from spi_pipeline.scoring.areas import Areas
from spi_pipeline.scoring.tree import Tree, index_tree
from spi_pipeline.scoring.uncertainty import uncertainty
from spi_pipeline.steps.scored import areas
from spi_pipeline_tests.integration.sandboxes import Sandbox

INDEX, LUTON, DALLOW = "social_progress_index", "E06000032", "E05014741"
KEY = ["indicator_id", "area_code"]
PRESENT = ["observed", "carried", "held"]
# The largest difference in ranks between draws shifted by the index's gain and draws of the changed figures.
MOST_DIFFERENCE = 1


@pytest.fixture(scope="module")
def contracts(refreshed: Sandbox) -> Contracts:
    return refreshed.contracts


@pytest.fixture(scope="module")
def table(refreshed: Sandbox) -> pd.DataFrame:
    with reading(refreshed.store.database) as connection:
        return connection.sql("SELECT * FROM what_would_it_take").df()


@pytest.fixture(scope="module")
def figures(refreshed: Sandbox) -> pd.DataFrame:
    """Every cell of the index in every edition, with estimates treated as observed."""
    with reading(refreshed.store.database) as connection:
        rows = connection.sql(
            "SELECT * FROM observation WHERE indicator_id IN (SELECT indicator_id FROM indicator WHERE in_basis) "
            "AND edition IN (SELECT edition FROM edition)"
        ).df()
    return rows.assign(status=rows["status"].replace("imputed", "observed"))


@pytest.fixture(scope="module")
def tree(refreshed: Sandbox, contracts: Contracts) -> Tree:
    catalogue, reference = (refreshed.store.read(name).to_pandas() for name in ("indicator", "reference"))
    return index_tree(contracts.framework, "spi", catalogue, reference)


def changed(own: pd.Series, contracts: Contracts) -> float:
    """The value after the needed change of the count, by the definition of the indicator."""
    counted = own["counted"] + own["needed"] * {"more": 1, "fewer": -1}[own["way"]]
    if own["rests_on"] == "proportion":
        return float(own["value"] * counted / own["counted"])
    measure = contracts.indicators[own["indicator_id"]].measure
    return float((measure.per if measure.kind == "rate" else 100) * counted / own["denominator"])


@pytest.fixture(scope="module")
def worlds(table: pd.DataFrame, figures: pd.DataFrame, contracts: Contracts) -> pd.DataFrame:
    """One copy of the newest edition per row of the table, with that row's value changed; ``edition`` numbers them."""
    newest = figures[figures["edition"] == figures["edition"].max()].reset_index(drop=True)
    place = {cell: row for row, cell in enumerate(newest[KEY].itertuples(index=False, name=None))}
    denominator = newest.set_index(KEY)["denominator"]
    rows = table.join(denominator, on=KEY)
    value = np.tile(newest["value"].to_numpy(), (len(table), 1))
    for world, own in rows.iterrows():
        value[int(str(world)), place[own["indicator_id"], own["area_code"]]] = changed(own, contracts)
    copies = pd.concat([newest] * len(table), ignore_index=True)
    return copies.assign(edition=np.repeat(np.arange(len(table)), len(newest)), value=value.ravel())


def test_the_needed_changes_give_the_values_scores_and_ranks_of_the_table(
    table: pd.DataFrame, worlds: pd.DataFrame, tree: Tree, contracts: Contracts
) -> None:
    codes = areas(contracts).all
    assert len(table) > 500
    assert table["area_code"].nunique() == len(codes)
    scores = tree.score(tree.values(worlds, codes), LUTON)
    ranks, world = scores.ranks()[INDEX], range(len(table))
    own = pd.MultiIndex.from_arrays([world, table["area_code"]])
    position = scores.scores.index.get_indexer(own)
    column = scores.scores.columns.get_indexer(pd.Index(table["indicator_id"]))
    value = scores.inputs.task.values.panel.to_numpy()[position, column]
    np.testing.assert_allclose(value, table["value_then"], rtol=1e-9)
    on_target = ~table["cut"].to_numpy()
    assert on_target.all(), "no target of the embedded figures lies beyond what can be counted"
    np.testing.assert_allclose(value[on_target], table["target_value"][on_target], rtol=1e-9)
    np.testing.assert_allclose(scores.scores.to_numpy()[position, column], table["score_then"], rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(scores.scores[INDEX].to_numpy()[position], table["index_score_then"], rtol=1e-9)
    np.testing.assert_array_equal(ranks.to_numpy()[position], table["rank_then"].astype(float))


def test_the_targets_are_the_median_wards_of_the_town_and_of_england(table: pd.DataFrame, refreshed: Sandbox) -> None:
    town = dict(
        refreshed.query(
            "SELECT indicator_id, median(value) FROM observation "
            "WHERE area_code <> ? AND edition = (SELECT max(edition) FROM edition) AND status <> 'imputed' "
            "GROUP BY ALL",
            LUTON,
        )
    )
    reference = refreshed.store.read("reference").to_pandas()
    england = reference[reference["statistic"] == "p50"].set_index("indicator_id")["value"].to_dict()
    for target, medians in (("authority_median", town), ("england_median", england)):
        own = table[table["target"] == target]
        assert own["target_value"].tolist() == pytest.approx([medians[name] for name in own["indicator_id"]])
    assert set(table.loc[table["area_code"] == LUTON, "target"]) == {"england_median"}


def test_every_ward_has_a_row_for_every_counted_indicator_unless_its_figure_is_estimated(
    table: pd.DataFrame, contracts: Contracts, refreshed: Sandbox
) -> None:
    estimated = refreshed.query(
        "SELECT indicator_id, area_code FROM observation "
        "WHERE status = 'imputed' AND edition = (SELECT max(edition) FROM edition)"
    )
    assert estimated
    against_town = table[table["target"] == "authority_median"]
    present = set(against_town[KEY].itertuples(index=False, name=None))
    names = set(against_town["indicator_id"])
    assert present == {(name, ward) for name in names for ward in contracts.geography.ward_codes} - set(estimated)
    assert set(against_town["status"]) <= set(PRESENT)
    counted = {"households", "people", "incidents", "addresses"}
    assert set(table["unit"]) == counted
    assert {"turnout", "violent_crime", "overcrowded_homes", "private_outdoor_space"} <= names
    assert "patients_per_gp" not in names, "a mean without counts"


def test_a_ward_behind_needs_a_positive_number_and_one_ahead_a_negative(table: pd.DataFrame) -> None:
    behind = np.where(
        table["way"] == "more", table["value"] < table["target_value"], table["value"] > table["target_value"]
    )
    assert ((table["needed"] > 0) == behind).all()
    gained = table["score_then"] - table["score"]
    assert (gained[table["needed"] > 0] >= -1e-9).all()
    assert (gained[table["needed"] < 0] <= 1e-9).all()


def test_current_ranks_match_the_published_intervals(table: pd.DataFrame, refreshed: Sandbox) -> None:
    known = refreshed.query(
        "SELECT area_code, rank, rank_low, rank_high FROM score "
        "WHERE id = ? AND profile = 'spi' AND edition = (SELECT max(edition) FROM edition) AND rank IS NOT NULL",
        INDEX,
    )
    ranked = table.dropna(subset=["rank"])
    columns = ["area_code", "rank", "rank_low", "rank_high"]
    assert set(ranked[columns].astype(object).itertuples(index=False, name=None)) == set(known)
    assert (ranked["rank_then_low"] <= ranked["rank_then_high"]).all()


def test_the_likely_rank_matches_draws_of_the_changed_figures(
    table: pd.DataFrame, figures: pd.DataFrame, tree: Tree, contracts: Contracts
) -> None:
    """Take Dallow's row with the largest gain, change its figure and repeat all draws."""
    own = table[table["area_code"] == DALLOW].nlargest(1, "index_score_then").iloc[0]
    assert own["rank_then_low"] < own["rank_low"]
    cell = (figures["indicator_id"] == own["indicator_id"]) & (figures["area_code"] == DALLOW)
    cell &= figures["edition"] == figures["edition"].max()
    moved = own["value_then"] - own["value"]
    rows = figures.copy()
    for column in ("value", "lower", "upper"):
        rows.loc[cell, column] += moved
    town: Areas = areas(contracts)
    drawn = uncertainty({"spi": tree}, rows, town, contracts.framework.uncertainty)["rank_interval"]
    drawn = drawn[(drawn["id"] == INDEX) & (drawn["area_code"] == DALLOW)]
    interval = drawn[drawn["edition"] == drawn["edition"].max()].iloc[0]
    assert abs(interval["rank_low"] - own["rank_then_low"]) <= MOST_DIFFERENCE
    assert abs(interval["rank_high"] - own["rank_then_high"]) <= MOST_DIFFERENCE

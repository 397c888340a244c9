"""What it would take: how many homes, people or incidents separate a ward from its town's median, and from England's.

The module sets one figure at a time to its target and recomputes the finished index. No step that computes the index
reads from here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.contracts.models.framework import Uncertainty
from spi_pipeline.contracts.models.indicators import Indicator
from spi_pipeline.engine.calculate.changes import Changes
from spi_pipeline.engine.calculate.forward import forward
from spi_pipeline.engine.calculate.score import Scores
from spi_pipeline.engine.framework.uncertainty_settings import SOURCES
from spi_pipeline.engine.intervals import Z95
from spi_pipeline.engine.panel import Array
from spi_pipeline.engine.rank import ranked
from spi_pipeline.engine.uncertainty.model import Model
from spi_pipeline.engine.uncertainty.tails import Tails
from spi_pipeline.scoring.areas import Areas
from spi_pipeline.scoring.basis import PRESENT
from spi_pipeline.scoring.tree import Tree
from spi_pipeline.scoring.uncertainty import uncertainty_settings

COLUMNS = [
    "edition", "profile", "indicator_id", "area_code", "target", "period_start", "period_end", "status", "rests_on",
    "unit", "way", "counted", "value", "target_value", "value_then", "cut", "needed", "needed_low", "needed_high",
    "score", "score_then", "index_score", "index_score_then", "rank", "rank_low", "rank_high", "rank_then",
    "rank_then_low", "rank_then_high",
]  # fmt: skip
# The targets of a ward: the median of the wards of its authority, and of the wards of England.
AUTHORITY, ENGLAND, MEDIAN = "authority_median", "england_median", "p50"
COUNTS, PROPORTION = "counts", "proportion"


@dataclass(frozen=True)
class Counted:
    """How the value of an indicator depends on a count.

    Attributes:
        unit: the things counted, such as ``households``.
        per: the value is this multiple of count over denominator; None where counts move a published rate, which is
            taken to halve when the count halves.
        bounded: whether the denominator counts the same kind of thing, so that the count cannot exceed it.
        higher: whether a higher value is better.
    """

    unit: str
    per: float | None
    bounded: bool
    higher: bool


def counted(contracts: Contracts) -> dict[str, Counted]:
    """Indicators whose values depend on counts, by id: shares, rates, and means that are shares of a denominator."""
    return {item.id: how for item in contracts.active if (how := _counted(item, contracts)) is not None}


def _counted(item: Indicator, contracts: Contracts) -> Counted | None:
    measure, units = item.measure, contracts.vocabulary.units
    if measure.kind == "mean" and item.error_evidence != "counts":
        return None

    def unit_of(source: str, column: str) -> str:
        return next(one.unit for one in contracts.sources[source].columns if one.name == column)

    base = measure.denominator
    below = "" if base is None else unit_of(base.source or item.source, base.column)
    # A published share, such as turnout, counts part of its denominator and so has the same unit.
    above = below if measure.kind == "mean" else unit_of(item.source, measure.columns[0])
    per = {"share": 100.0, "rate": measure.per, "mean": units[item.unit].per or 1.0, "anchored": None}[measure.kind]
    return Counted(units[above].title, per, above == below, item.direction == "higher_is_better")


def what_would_it_take(
    tree: Tree,
    observations: pd.DataFrame,
    how: Mapping[str, Counted],
    reference: pd.DataFrame,
    areas: Areas,
    settings: Uncertainty,
) -> pd.DataFrame:
    """How far every ward of the newest edition is from the median ward of its authority and of England, in counts.

    Weights, estimated cells, denominators and the figures of all other areas stay as they are. Intervals combine two
    independent errors: of measuring the ward's value, and of sharing larger areas out among wards. The target is taken
    as known. The likely rank comes from the ward's own draws, as behind ``rank_interval``, each moved by the gain in
    its index score.

    Args:
        tree: the whole index under one profile.
        observations: rows of the product ``indicator_value`` of the published editions.
        how: the indicators that depend on counts, by id.
        reference: rows of the source ``reference``.
        areas: wards and authorities.
        settings: the number of draws, and the inputs they vary.

    Returns:
        The columns of the product ``what_would_it_take``, without the profile. A cell has no row if it is estimated,
        suppressed or missing, or if its value is transformed before scoring.
    """
    parts = [pd.DataFrame(columns=[name for name in COLUMNS if name != "profile"])]
    for authority, codes in areas.by_authority.items():
        scores = tree.score(tree.values(observations, codes), authority)
        gaps = _gaps(scores, observations, how, reference, authority)
        if len(gaps):
            parts.append(gaps.assign(**_scored(scores, gaps, settings))[parts[0].columns])
    return pd.concat(parts[1:] or parts, ignore_index=True)


def _gaps(
    scores: Scores, observations: pd.DataFrame, how: Mapping[str, Counted], reference: pd.DataFrame, authority: str
) -> pd.DataFrame:
    """One row for each indicator, area and target, with the counts that would reach it."""
    index, leaves = scores.scores.index, scores.inputs.task.values.panel.columns
    edition = observations["edition"].max()
    own = observations[(observations["edition"] == edition) & observations["status"].isin(PRESENT)]
    own = own[own["indicator_id"].isin(leaves.intersection(list(how)))]
    own = own[own["area_code"].isin(index.get_level_values("area_code"))].reset_index(drop=True)
    if own.empty:
        return pd.DataFrame()
    known = own["indicator_id"].map(how)
    own = own.assign(row=index.get_indexer(pd.MultiIndex.from_frame(own[["edition", "area_code"]])))
    own["column"] = leaves.get_indexer(pd.Index(own["indicator_id"]))
    own["per"] = np.array([one.per for one in known], dtype=float)
    own["counted"] = own["numerator"].fillna(own["value"] * own["denominator"] / own["per"])
    # The change of the value for each unit counted; unknown for a rate that counts move where the count is 0.
    own["each"] = (own["per"] / own["denominator"]).fillna(own["value"] / own["counted"].where(own["counted"] > 0))
    own["rests_on"] = np.where(own["per"].isna(), PROPORTION, COUNTS)
    own["unit"], own["higher"] = [one.unit for one in known], [one.higher for one in known]
    own["most"] = np.where([one.bounded for one in known], np.fmax(own["denominator"], own["counted"]), np.inf)
    # A value that is shrunk, logged or capped before scoring does not follow its counts in this way.
    as_scored = np.isclose(scores.inputs.treated[own["row"], own["column"]], own["value"], rtol=1e-9, atol=0)
    own = own[as_scored & own["each"].notna()]
    of_town = own["area_code"] == authority
    england = reference[reference["statistic"] == MEDIAN].set_index("indicator_id")["value"]
    middle = own[~of_town].groupby("indicator_id")["value"].median()
    by_target = [
        own[~of_town].assign(target=AUTHORITY, target_value=own["indicator_id"].map(middle)),
        own.assign(target=ENGLAND, target_value=own["indicator_id"].map(england)),
    ]
    return _needed(pd.concat(by_target, ignore_index=True).dropna(subset=["target_value"]).reset_index(drop=True))


def _needed(gaps: pd.DataFrame) -> pd.DataFrame:
    """Add the change in the count that reaches the target: positive where the ward is behind, negative where ahead."""
    value, shared = gaps["value"], Z95 * gaps["allocation_error"].fillna(0.0)
    highest = value + (gaps["most"] - gaps["counted"]) * gaps["each"]
    then = np.minimum(gaps["target_value"], highest)
    low = (value - np.hypot(value - gaps["lower"], shared)).clip(lower=0.0)
    high = np.minimum(value + np.hypot(gaps["upper"] - value, shared), highest)
    more = np.where(gaps["higher"], 1.0, -1.0)
    # The better and the worse end of the value's interval.
    ahead, behind = np.where(gaps["higher"], high, low), np.where(gaps["higher"], low, high)
    return gaps.assign(
        way=np.where(gaps["higher"], "more", "fewer"),
        value_then=then,
        cut=gaps["target_value"] > highest,
        needed=more * (then - value) / gaps["each"],
        needed_low=more * (then - ahead) / gaps["each"],
        needed_high=more * (then - behind) / gaps["each"],
    )


def _scored(scores: Scores, gaps: pd.DataFrame, settings: Uncertainty) -> dict[str, Array]:
    """Scores and ranks of every row, now and with its value at the target."""
    model, root = Model(scores, uncertainty_settings(settings)), str(scores.scores.columns[-1])
    recipe, editions = scores.task.recipe, scores.inputs.rows.ranked
    own, column, value = (gaps[name].to_numpy() for name in ("row", "column", "value_then"))
    indicator, index = scores.scores.to_numpy(dtype=float), scores.scores[root].to_numpy(dtype=float)
    weights = {name: one.child_weights.weights for name, one in scores.aggregations.items()}
    drawn = _draws(model, root, settings)
    now, then = Tails(settings.draws), Tails(settings.draws)
    now.add(ranked(drawn, editions, recipe.rank_first)[:, own])
    results = {name: np.empty(len(gaps)) for name in ("score_then", "index_score_then", "rank_then")}
    likely = np.empty((settings.draws, len(gaps)))
    for batch in model.batches(len(gaps)):
        of_batch, each = np.arange(len(batch)), np.array(batch)
        values = np.repeat(scores.inputs.treated[np.newaxis], len(batch), axis=0)
        values[of_batch, own[each], column[each]] = value[each]
        formed = forward(scores.inputs, Changes(values=values, weights=weights)).scores
        every = np.stack([formed[name] for name in scores.task.structure.leaves], axis=-1)
        results["score_then"][each] = every[of_batch, own[each], column[each]]
        results["index_score_then"][each] = formed[root][of_batch, own[each]]
        results["rank_then"][each] = ranked(formed[root], editions, recipe.rank_first)[of_batch, own[each]]
        for number, gained in zip(batch, formed[root] - index, strict=True):
            likely[:, number] = ranked(drawn + gained, editions, recipe.rank_first)[:, own[number]]
    then.add(likely)
    ends = zip(("rank_low", "rank_high", "rank_then_low", "rank_then_high"), (*now.ranks(), *then.ranks()), strict=True)
    ranks = scores.ranks()[root].to_numpy(dtype=float)
    return results | dict(ends) | {"score": indicator[own, column], "index_score": index[own], "rank": ranks[own]}


def _draws(model: Model, root: str, settings: Uncertainty) -> Array:
    """Scores of the index in the draws behind ``rank_interval``, draws × rows."""
    parts = []
    for numbers in model.batches(settings.draws):
        drawn = model.draw(dict.fromkeys(SOURCES, numbers), settings.seed).scores[root]
        parts.append(np.broadcast_to(drawn, (len(numbers), drawn.shape[1])))
    return np.concatenate(parts)

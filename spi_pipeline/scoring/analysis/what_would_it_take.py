"""What it would take: how many homes, people or incidents separate a ward from its town's median, and from England's.

One figure at a time is put where it would be, and the finished index is formed anew. Nothing the index is made of reads
from here.
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
from spi_pipeline.engine.framework.doubt import SOURCES
from spi_pipeline.engine.intervals import Z95
from spi_pipeline.engine.panel import Array
from spi_pipeline.engine.rank import ranked
from spi_pipeline.engine.uncertainty.model import Model
from spi_pipeline.engine.uncertainty.tails import Tails
from spi_pipeline.scoring.areas import Areas
from spi_pipeline.scoring.basis import PRESENT
from spi_pipeline.scoring.tree import Tree
from spi_pipeline.scoring.uncertainty import doubt_of

COLUMNS = [
    "edition", "profile", "indicator_id", "area_code", "target", "period_start", "period_end", "status", "rests_on",
    "unit", "way", "counted", "value", "target_value", "value_then", "cut", "needed", "needed_low", "needed_high",
    "score", "score_then", "index_score", "index_score_then", "rank", "rank_low", "rank_high", "rank_then",
    "rank_then_low", "rank_then_high",
]  # fmt: skip
# What a ward is held against: the middle one of the wards of its authority, and of those of England.
AUTHORITY, ENGLAND, MEDIAN = "authority_median", "england_median", "p50"
COUNTS, PROPORTION = "counts", "proportion"


@dataclass(frozen=True)
class Counted:
    """How the value of an indicator rests on what was counted.

    Attributes:
        unit: what was counted, such as ``households``.
        per: a value is so many times its count over its denominator; None where counts move a published rate, which
            is taken to fall by half where half as many are counted.
        of_alike: whether the denominator counts the same kind of thing, so that no more than it can be counted.
        higher: whether more of it is better.
    """

    unit: str
    per: float | None
    of_alike: bool
    higher: bool


def counted(contracts: Contracts) -> dict[str, Counted]:
    """The indicators whose values rest on counts, by id: shares, rates, and means that are shares of a denominator."""
    return {item.id: found for item in contracts.active if (found := _counted(item, contracts)) is not None}


def _counted(item: Indicator, contracts: Contracts) -> Counted | None:
    measure, units = item.measure, contracts.vocabulary.units
    if measure.kind == "mean" and item.error_basis != "counts":
        return None

    def unit_of(source: str, column: str) -> str:
        return next(one.unit for one in contracts.sources[source].columns if one.name == column)

    base = measure.denominator
    below = "" if base is None else unit_of(base.source or item.source, base.column)
    # A published share, such as turnout, counts some of what it is a share of.
    above = below if measure.kind == "mean" else unit_of(item.source, measure.columns[0])
    per = {"share": 100.0, "rate": measure.per, "mean": units[item.unit].per or 1.0, "anchored": None}[measure.kind]
    return Counted(units[above].title, per, above == below, item.direction == "higher_is_better")


def what_would_it_take(
    tree: Tree,
    observations: pd.DataFrame,
    how: Mapping[str, Counted],
    reference: pd.DataFrame,
    areas: Areas,
    wanted: Uncertainty,
) -> pd.DataFrame:
    """How far every ward of the newest edition is from the middle ward of its authority and of England, in counts.

    Weights, estimated cells, denominators and the figures of everybody else stay as they are. An interval is that of
    measuring the ward's value and of sharing larger areas out among wards, whose errors are independent; what the ward
    is held against is taken as known. The likely rank is that of the ward's own draws, as behind ``rank_interval``,
    each moved by what its index score gains.

    Args:
        tree: the whole index under one profile.
        observations: rows of the product ``indicator_value``, of the published editions.
        how: the indicators that rest on counts, by id.
        reference: rows of the source ``reference``.
        areas: wards and authorities.
        wanted: how many draws, and what they vary.

    Returns:
        The columns of the product ``what_would_it_take`` but for the profile; a cell that is estimated, suppressed or
        missing, or whose value is scored as another, has no row.
    """
    parts = [pd.DataFrame(columns=[name for name in COLUMNS if name != "profile"])]
    for authority, codes in areas.by_authority.items():
        scores = tree.score(tree.values(observations, codes), authority)
        gaps = _gaps(scores, observations, how, reference, authority)
        if len(gaps):
            parts.append(gaps.assign(**_scored(scores, gaps, wanted))[parts[0].columns])
    return pd.concat(parts[1:] or parts, ignore_index=True)


def _gaps(
    scores: Scores, observations: pd.DataFrame, how: Mapping[str, Counted], reference: pd.DataFrame, authority: str
) -> pd.DataFrame:
    """One row for each indicator, area and target, up to what is needed."""
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
    # What one more or fewer adds to the value. Of a rate that counts move nothing can be said where there are none.
    own["each"] = (own["per"] / own["denominator"]).fillna(own["value"] / own["counted"].where(own["counted"] > 0))
    own["rests_on"] = np.where(own["per"].isna(), PROPORTION, COUNTS)
    own["unit"], own["higher"] = [one.unit for one in known], [one.higher for one in known]
    own["most"] = np.where([one.of_alike for one in known], np.fmax(own["denominator"], own["counted"]), np.inf)
    # Shrunk, logged or capped before it is scored, a value is not moved by its counts in the way said here.
    as_scored = np.isclose(scores.inputs.treated[own["row"], own["column"]], own["value"], rtol=1e-9, atol=0)
    own = own[as_scored & own["each"].notna()]
    of_town = own["area_code"] == authority
    england = reference[reference["statistic"] == MEDIAN].set_index("indicator_id")["value"]
    middle = own[~of_town].groupby("indicator_id")["value"].median()
    held = [
        own[~of_town].assign(target=AUTHORITY, target_value=own["indicator_id"].map(middle)),
        own.assign(target=ENGLAND, target_value=own["indicator_id"].map(england)),
    ]
    return _needed(pd.concat(held, ignore_index=True).dropna(subset=["target_value"]).reset_index(drop=True))


def _needed(gaps: pd.DataFrame) -> pd.DataFrame:
    """The same with what must change: positive where the ward is behind, negative where it is ahead."""
    value, sure = gaps["value"], Z95 * gaps["allocation_error"].fillna(0.0)
    highest = value + (gaps["most"] - gaps["counted"]) * gaps["each"]
    then = np.minimum(gaps["target_value"], highest)
    low = (value - np.hypot(value - gaps["lower"], sure)).clip(lower=0.0)
    high = np.minimum(value + np.hypot(gaps["upper"] - value, sure), highest)
    more = np.where(gaps["higher"], 1.0, -1.0)
    # From the value that is better, and from that which is worse.
    ahead, behind = np.where(gaps["higher"], high, low), np.where(gaps["higher"], low, high)
    return gaps.assign(
        way=np.where(gaps["higher"], "more", "fewer"),
        value_then=then,
        cut=gaps["target_value"] > highest,
        needed=more * (then - value) / gaps["each"],
        needed_low=more * (then - ahead) / gaps["each"],
        needed_high=more * (then - behind) / gaps["each"],
    )


def _scored(scores: Scores, gaps: pd.DataFrame, wanted: Uncertainty) -> dict[str, Array]:
    """Scores and ranks of every row, now and with its value where it would be."""
    model, root = Model(scores, doubt_of(wanted)), str(scores.scores.columns[-1])
    recipe, editions = scores.task.recipe, scores.inputs.rows.ranked
    own, column, value = (gaps[name].to_numpy() for name in ("row", "column", "value_then"))
    indicator, index = scores.scores.to_numpy(dtype=float), scores.scores[root].to_numpy(dtype=float)
    weights = {name: one.weighed.weights for name, one in scores.formed.items()}
    drawn = _draws(model, root, wanted)
    now, then = Tails(wanted.draws), Tails(wanted.draws)
    now.add(ranked(drawn, editions, recipe.rank_first)[:, own])
    found = {name: np.empty(len(gaps)) for name in ("score_then", "index_score_then", "rank_then")}
    likely = np.empty((wanted.draws, len(gaps)))
    for batch in model.batches(len(gaps)):
        of_batch, each = np.arange(len(batch)), np.array(batch)
        values = np.repeat(scores.inputs.treated[np.newaxis], len(batch), axis=0)
        values[of_batch, own[each], column[each]] = value[each]
        formed = forward(scores.inputs, Changes(values=values, weights=weights)).scores
        every = np.stack([formed[name] for name in scores.task.structure.leaves], axis=-1)
        found["score_then"][each] = every[of_batch, own[each], column[each]]
        found["index_score_then"][each] = formed[root][of_batch, own[each]]
        found["rank_then"][each] = ranked(formed[root], editions, recipe.rank_first)[of_batch, own[each]]
        for number, gained in zip(batch, formed[root] - index, strict=True):
            likely[:, number] = ranked(drawn + gained, editions, recipe.rank_first)[:, own[number]]
    then.add(likely)
    ends = zip(("rank_low", "rank_high", "rank_then_low", "rank_then_high"), (*now.ranks(), *then.ranks()), strict=True)
    ranks = scores.ranks()[root].to_numpy(dtype=float)
    return found | dict(ends) | {"score": indicator[own, column], "index_score": index[own], "rank": ranks[own]}


def _draws(model: Model, root: str, wanted: Uncertainty) -> Array:
    """Scores of the index in the draws behind ``rank_interval``, draws by rows."""
    parts = []
    for numbers in model.batches(wanted.draws):
        drawn = model.draw(dict.fromkeys(SOURCES, numbers), wanted.seed).scores[root]
        parts.append(np.broadcast_to(drawn, (len(numbers), drawn.shape[1])))
    return np.concatenate(parts)

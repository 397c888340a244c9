"""The engine's scores as rows of the products."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pandas as pd

from spi_pipeline.engine.calculate.score import Scores
from spi_pipeline.engine.rank import relative_scores
from spi_pipeline.engine.weights.correlation import pooled_correlation
from spi_pipeline.engine.weights.fit import Fit, component_fit
from spi_pipeline.engine.weights.given import effective_weights

SCORE_COLUMNS = [
    "edition", "profile", "level", "id", "area_code", "score", "relative_score", "rank", "coverage",
]  # fmt: skip
WEIGHT_COLUMNS = [
    "edition", "profile", "authority_code", "level", "parent_id", "id", "weight", "effective_weight", "method", "n",
    "alpha", "kmo", "pc1_share",
]  # fmt: skip
CONTRIBUTION_COLUMNS = ["edition", "profile", "area_code", "parent_id", "id", "contribution"]
IMPUTATION_COLUMNS = ["edition", "profile", "indicator_id", "area_code", "value", "method", "donors", "error"]


def score_rows(scores: Scores, ids: Iterable[str], levels: Mapping[str, str], coverage: pd.DataFrame) -> pd.DataFrame:
    """Rows of the product ``element_score``, without the profile.

    Args:
        scores: as the engine computed them, for the wards of one authority and the authority itself.
        ids: the elements to return.
        levels: level of each element.
        coverage: share of the slots below each element that hold a value, indexed like the scores.
    """
    ranks, fitted = scores.ranks(), scores.task.values.fitted
    parts = []
    for name in ids:
        score = scores.scores[name]
        compared = score if fitted is None else score.where(fitted)
        part = pd.DataFrame({"score": score, "coverage": coverage[name], "rank": ranks[name].astype("Int64")})
        part["relative_score"] = relative_scores(compared)
        # A single ward has nothing to be compared with: first of one is not a rank.
        part["rank"] = part["rank"].where(part["relative_score"].notna())
        parts.append(part.reset_index().assign(id=name, level=levels[name]))
    return pd.concat(parts, ignore_index=True)


def weight_rows(scores: Scores, parent: str, fit: Fit | None) -> pd.DataFrame:
    """Rows of the product ``weight`` for the children of one parent, without profile and authority.

    Weights are the same in every edition. Effective weights, the children's shares of the spread, are computed for each
    edition; so is the fit, where the fit over the wards of England is not given.

    Args:
        scores: as the engine computed them.
        parent: the parent.
        fit: alpha, KMO and first component's share over the wards of England; None where unknown.
    """
    formed, fitted = scores.aggregations[parent], scores.task.values.fitted
    weights = formed.weights
    children = formed.children if fitted is None else formed.children[fitted]
    editions = children.index.get_level_values("edition")
    parts = []
    for edition in editions.unique():
        held = children[editions == edition]
        here = pooled_correlation(held)
        shown = fit or component_fit(here.correlation, here.n)
        columns = {"id": weights.index, "weight": weights.to_numpy()}
        columns |= {"edition": edition, "effective_weight": effective_weights(held, weights).to_numpy()}
        part = pd.DataFrame(columns)
        parts.append(part.assign(n=shown.n, alpha=shown.alpha, kmo=shown.kmo, pc1_share=shown.pc1_share))
    level = scores.task.structure.level_of[parent]
    return pd.concat(parts, ignore_index=True).assign(level=level, parent_id=parent, method=formed.child_weights.method)


def contribution_rows(scores: Scores, parent: str) -> pd.DataFrame:
    """Rows of the product ``contribution`` for the children of one parent, without the profile."""
    points = scores.aggregations[parent].contributions()
    rows = points.reset_index().melt(["edition", "area_code"], var_name="id", value_name="contribution")
    return rows.dropna(subset=["contribution"]).assign(parent_id=parent)

"""How scores correlate with who lives in a ward, and how far they lie beyond the level that its income suggests.

The module reads scores and the context. No step that computes the index reads from here.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from spi_pipeline.contracts.models.geography import ENGLAND
from spi_pipeline.contracts.models.indicators import Composition
from spi_pipeline.engine.association import associations, beyond_line, correlation_interval
from spi_pipeline.scoring.analysis.context import newest
from spi_pipeline.scoring.areas import Areas

# The names of these statistics in the reference.
RANK, PARTIAL = "rank_correlation", "partial_rank_correlation"
COMPOSITION_COLUMNS = [
    "authority_code", "left_out", "profile", "edition", "level", "id", "measure_id", "n", "correlation", "lower",
    "upper", "partial", "partial_lower", "partial_upper",
]  # fmt: skip
RESIDUAL_COLUMNS = [
    "edition", "profile", "area_code", "level", "id", "measure_id", "measured", "score", "expected", "residual",
    "lower", "upper", "verdict", "n",
]  # fmt: skip
ABOVE, BELOW, WITHIN = "more than suggested", "less than suggested", "as suggested"


def compositions(
    scores: pd.DataFrame, context: pd.DataFrame, reference: pd.DataFrame, composition: Composition, areas: Areas
) -> pd.DataFrame:
    """Correlate scores with the residents' make-up: over each authority's wards, with and without some, and England's.

    Args:
        scores: rows of the product ``score``.
        context: rows of the product ``context``.
        reference: rows of the source ``reference``, for England.
        composition: the measures, the measure that is held constant, and the wards left out of a second calculation.
        areas: wards and authorities.

    Returns:
        The columns of the product ``composition``. A positive correlation means better results with more of the
        measure. Over England the correlations are of indicator values, with the sign set so that higher is better.
    """
    figures = newest(context)
    frames = [_over_england(reference, composition)]
    own = scores[scores["area_code"].isin(areas.wards) & (scores["edition"] == scores["edition"].max())]
    own = own[own["level"] != "indicator"]
    level_of = dict(zip(own["id"], own["level"], strict=True))
    for (authority, profile), part in own.groupby([areas.authorities(own["area_code"]), "profile"]):
        panel = part.pivot(index="area_code", columns="id", values="score").astype("float64")
        apart = [code for code in composition.without if code in panel.index]
        for without in [[], apart] if apart else [[]]:
            used = panel.drop(index=without)
            rows = [_with_measures(used[name], figures, composition).assign(id=name) for name in panel.columns]
            frames.append(
                pd.concat(rows).assign(
                    authority_code=authority, left_out=", ".join(without), profile=profile, edition=own["edition"].max()
                )
            )
    table = pd.concat(frames, ignore_index=True)
    return table.assign(level=table["id"].map(level_of).fillna("indicator"))[COMPOSITION_COLUMNS]


def _with_measures(scores: pd.Series, figures: pd.DataFrame, composition: Composition) -> pd.DataFrame:
    """One row for each measure with figures, over the wards where all values are known."""
    rows = []
    for name in composition.measures:
        wanted = list(dict.fromkeys([name, composition.given]))
        if not set(wanted) <= set(figures.columns):
            continue
        known = pd.concat([scores.rename("score"), figures[wanted].reindex(scores.index)], axis=1).dropna()
        r, partial = associations(known["score"], known[name], known[composition.given])
        rows.append((name, len(known), r, partial))
    return _intervals(pd.DataFrame(rows, columns=["measure_id", "n", "correlation", "partial"]))


def _over_england(reference: pd.DataFrame, composition: Composition) -> pd.DataFrame:
    """The correlations over the wards of England that the reference holds."""
    rows = reference[reference["statistic"].isin([RANK, PARTIAL]) & reference["other_id"].isin(composition.measures)]
    wide = rows.pivot(index=["indicator_id", "other_id", "n"], columns="statistic", values="value")
    wide = wide.reindex(columns=[RANK, PARTIAL]).set_axis(["correlation", "partial"], axis=1).reset_index()
    table = _intervals(wide.rename(columns={"indicator_id": "id", "other_id": "measure_id"}))
    return table.assign(authority_code=ENGLAND, left_out="", profile="", edition=np.nan)


def _intervals(table: pd.DataFrame) -> pd.DataFrame:
    """Add intervals to correlations."""
    for given, (of, lower, upper) in enumerate(
        [("correlation", "lower", "upper"), ("partial", "partial_lower", "partial_upper")]
    ):
        pairs = zip(table[of], table["n"], strict=True)
        ends = [correlation_interval(float(r), int(n), given) for r, n in pairs]
        table[[lower, upper]] = np.array(ends, dtype=float).reshape(-1, 2)
    return table


def residuals(scores: pd.DataFrame, context: pd.DataFrame, composition: Composition, areas: Areas) -> pd.DataFrame:
    """How far each ward's scores lie from the level suggested by the measure that is held constant.

    Args:
        scores: rows of the product ``score``.
        context: rows of the product ``context``.
        composition: names that measure.
        areas: wards and authorities.

    Returns:
        The columns of the product ``residual``, of the newest edition.
    """
    scores = scores[scores["level"] != "indicator"]
    suggests = newest(context).reindex(columns=[composition.given])[composition.given]
    own = scores[scores["area_code"].isin(areas.wards) & (scores["edition"] == scores["edition"].max())]
    own = own.assign(measured=own["area_code"].map(suggests), measure_id=composition.given).dropna(
        subset=["score", "measured"]
    )
    frames = [pd.DataFrame(columns=RESIDUAL_COLUMNS)]
    for _, rows in own.groupby([areas.authorities(own["area_code"]), "profile", "id"]):
        line = beyond_line(rows["measured"].to_numpy(dtype=float), rows["score"].to_numpy(dtype=float))
        line = line.set_axis(rows.index).assign(n=len(rows))
        beyond = np.select([line["lower"] > 0, line["upper"] < 0, line["lower"].notna()], [ABOVE, BELOW, WITHIN], "")
        verdict = pd.Series(beyond, rows.index, dtype=object).where(line["lower"].notna(), None)
        frames.append(pd.concat([rows, line], axis=1).assign(verdict=verdict))
    return pd.concat(frames[1:] or frames, ignore_index=True)[RESIDUAL_COLUMNS]

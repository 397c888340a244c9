"""What the index goes with: who lives in a ward, and how far its scores lie beyond what its income suggests.

It reads scores and the context. Nothing that the index is made of reads from here.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from spi_pipeline.contracts.models.geography import ENGLAND
from spi_pipeline.contracts.models.indicators import Composition
from spi_pipeline.engine.association import associations, beyond_line, correlation_interval
from spi_pipeline.scoring.analysis.context import newest
from spi_pipeline.scoring.areas import Areas

# How the reference calls them.
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
    scores: pd.DataFrame, context: pd.DataFrame, reference: pd.DataFrame, asked: Composition, areas: Areas
) -> pd.DataFrame:
    """How scores go with who lives there: over the wards of each authority, with and without some, and over England's.

    Args:
        scores: rows of the product ``score``.
        context: rows of the product ``context``.
        reference: rows of the source ``reference``, for England.
        asked: which measures, which of them is held equal, and which wards are left out the second time.
        areas: wards and authorities.

    Returns:
        The columns of the product ``composition``. Correlations are those of better results with more of the measure;
        over England, of the values of indicators, turned so that better is more.
    """
    figures = newest(context)
    frames = [_over_england(reference, asked)]
    own = scores[scores["area_code"].isin(areas.wards) & (scores["edition"] == scores["edition"].max())]
    own = own[own["level"] != "indicator"]
    level_of = dict(zip(own["id"], own["level"], strict=True))
    for (authority, profile), part in own.groupby([areas.own(own["area_code"]), "profile"]):
        panel = part.pivot(index="area_code", columns="id", values="score").astype("float64")
        apart = [code for code in asked.without if code in panel.index]
        for without in [[], apart] if apart else [[]]:
            kept = panel.drop(index=without)
            found = [_with_measures(kept[name], figures, asked).assign(id=name) for name in panel.columns]
            frames.append(
                pd.concat(found).assign(
                    authority_code=authority, left_out=", ".join(without), profile=profile, edition=own["edition"].max()
                )
            )
    table = pd.concat(frames, ignore_index=True)
    return table.assign(level=table["id"].map(level_of).fillna("indicator"))[COMPOSITION_COLUMNS]


def _with_measures(scores: pd.Series, figures: pd.DataFrame, asked: Composition) -> pd.DataFrame:
    """A row for each measure that has figures, over the wards where everything is known."""
    rows = []
    for name in asked.measures:
        wanted = list(dict.fromkeys([name, asked.given]))
        if not set(wanted) <= set(figures.columns):
            continue
        known = pd.concat([scores.rename("score"), figures[wanted].reindex(scores.index)], axis=1).dropna()
        r, partial = associations(known["score"], known[name], known[asked.given])
        rows.append((name, len(known), r, partial))
    return _intervals(pd.DataFrame(rows, columns=["measure_id", "n", "correlation", "partial"]))


def _over_england(reference: pd.DataFrame, asked: Composition) -> pd.DataFrame:
    """What the reference holds of the wards of England."""
    kept = reference[reference["statistic"].isin([RANK, PARTIAL]) & reference["other_id"].isin(asked.measures)]
    wide = kept.pivot(index=["indicator_id", "other_id", "n"], columns="statistic", values="value")
    wide = wide.reindex(columns=[RANK, PARTIAL]).set_axis(["correlation", "partial"], axis=1).reset_index()
    table = _intervals(wide.rename(columns={"indicator_id": "id", "other_id": "measure_id"}))
    return table.assign(authority_code=ENGLAND, left_out="", profile="", edition=np.nan)


def _intervals(table: pd.DataFrame) -> pd.DataFrame:
    """Correlations with their intervals."""
    for given, (of, lower, upper) in enumerate(
        [("correlation", "lower", "upper"), ("partial", "partial_lower", "partial_upper")]
    ):
        pairs = zip(table[of], table["n"], strict=True)
        ends = [correlation_interval(float(r), int(n), given) for r, n in pairs]
        table[[lower, upper]] = np.array(ends, dtype=float).reshape(-1, 2)
    return table


def residuals(scores: pd.DataFrame, context: pd.DataFrame, asked: Composition, areas: Areas) -> pd.DataFrame:
    """How far each ward's scores lie beyond what the measure that is held equal suggests.

    Args:
        scores: rows of the product ``score``.
        context: rows of the product ``context``.
        asked: which measure suggests.
        areas: wards and authorities.

    Returns:
        The columns of the product ``residual``, of the newest edition.
    """
    scores = scores[scores["level"] != "indicator"]
    suggests = newest(context).reindex(columns=[asked.given])[asked.given]
    own = scores[scores["area_code"].isin(areas.wards) & (scores["edition"] == scores["edition"].max())]
    own = own.assign(measured=own["area_code"].map(suggests), measure_id=asked.given).dropna(
        subset=["score", "measured"]
    )
    frames = [pd.DataFrame(columns=RESIDUAL_COLUMNS)]
    for _, rows in own.groupby([areas.own(own["area_code"]), "profile", "id"]):
        found = beyond_line(rows["measured"].to_numpy(dtype=float), rows["score"].to_numpy(dtype=float))
        found = found.set_axis(rows.index).assign(n=len(rows))
        beyond = np.select([found["lower"] > 0, found["upper"] < 0, found["lower"].notna()], [ABOVE, BELOW, WITHIN], "")
        verdict = pd.Series(beyond, rows.index, dtype=object).where(found["lower"].notna(), None)
        frames.append(pd.concat([rows, found], axis=1).assign(verdict=verdict))
    return pd.concat(frames[1:] or frames, ignore_index=True)[RESIDUAL_COLUMNS]

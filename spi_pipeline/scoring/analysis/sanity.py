"""The finished index looked at as an analyst would: findings, their reasons, and what is left unexplained.

It reads scores and, for comparison alone, the context. Nothing that the index is made of reads from here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd

from spi_pipeline.contracts.models.sanity import Sanity, SanityKind
from spi_pipeline.engine.sanity import MIN_AREAS, nearest_twins, neighbour_gaps, rest_correlations

SANITY_COLUMNS = [
    "authority_code", "edition", "kind", "id", "other_id", "value", "threshold", "n", "finding", "reason",
    "unexplained",
]  # fmt: skip
FOUND_COLUMNS = ["id", "other_id", "value", "threshold", "n", "finding", "told"]
Found = Callable[[pd.DataFrame], pd.DataFrame]


def look(kind: SanityKind, found: Found, scores: pd.DataFrame, sanity: Sanity, authority_of: pd.Series) -> pd.DataFrame:
    """Look at every authority and edition by itself.

    Args:
        kind: what is looked for.
        found: looks at the scores of one authority and edition (a row a ward, a column an element) and returns
            ``FOUND_COLUMNS``; ``told`` is the finding as a sentence.
        scores: rows of the product ``score``.
        sanity: profile and reasons.
        authority_of: authority of each ward, by code.

    Returns:
        The columns of the product ``sanity``; ``unexplained`` holds a sentence for every finding without a reason.
    """
    rows = scores[(scores["profile"] == sanity.profile) & scores["area_code"].isin(authority_of.index)]
    frames = []
    for (authority, _), own in rows.groupby([rows["area_code"].map(authority_of), "edition"]):
        panel = own.pivot(index="area_code", columns="id", values="score").astype("float64")
        frames.append(found(panel).assign(authority_code=str(authority), edition=own["edition"].iloc[0]))
    empty = pd.DataFrame(columns=[*FOUND_COLUMNS, "authority_code", "edition"])
    table = pd.concat(frames, ignore_index=True) if frames else empty
    cells = table[["id", "other_id", "authority_code"]].itertuples(index=False, name=None)
    reasons = pd.Series([_reason(sanity, kind, *cell) for cell in cells], table.index, dtype=object)
    told = [f"{text} ({edition})" for text, edition in zip(table["told"], table["edition"], strict=True)]
    finding = table["finding"].astype(bool)
    table = table.assign(kind=kind, finding=finding, reason=reasons.where(finding, None))
    unexplained = pd.Series(told, table.index, dtype=object).where(finding & table["reason"].isna(), None)
    return table.assign(unexplained=unexplained)[SANITY_COLUMNS]


def comparison(sanity: Sanity, values: pd.DataFrame, level_of: Mapping[str, str]) -> Found:
    """Correlation of the index, its dimensions and components with measures of the context.

    Args:
        sanity: the measures, the sign expected and the least size.
        values: one column per measure, a row a ward; the newest period of each.
        level_of: level of each element.
    """

    def found(panel: pd.DataFrame) -> pd.DataFrame:
        rows = []
        for wanted in sanity.compare:
            if wanted.measure not in values:
                continue
            sign = 1 if wanted.sign == "positive" else -1
            for name in panel.columns:
                pairs = pd.DataFrame({"score": panel[name], "value": values[wanted.measure].reindex(panel.index)})
                pairs = pairs.dropna()
                if len(pairs) < MIN_AREAS or pairs.nunique().min() < 2:
                    continue
                r, least = pairs["score"].corr(pairs["value"]), sign * wanted.least.of(level_of[name])
                told = f"{name} correlates with {wanted.measure} by {r:.2f}"
                rows.append((name, wanted.measure, r, least, len(pairs), sign * r < sign * least, told))
        return pd.DataFrame(rows, columns=FOUND_COLUMNS)

    return found


def opposed(sanity: Sanity, component_of: Mapping[str, str]) -> Found:
    """Indicators that move against the other indicators of their component."""

    def found(panel: pd.DataFrame) -> pd.DataFrame:
        parts = []
        for component in dict.fromkeys(component_of.values()):
            own = panel[[name for name in panel.columns if component_of.get(name) == component]]
            values = rest_correlations(own).dropna()
            told = [f"{name} moves against {component} by {value:.2f}" for name, value in values.items()]
            counts = own.count().reindex(values.index)
            parts.append(_rows(values, component, sanity.opposed, counts, values < sanity.opposed, told))
        return pd.concat(parts, ignore_index=True)

    return found


def constant(sanity: Sanity, component_of: Mapping[str, str]) -> Found:
    """Indicators whose scores hardly differ between wards."""

    def found(panel: pd.DataFrame) -> pd.DataFrame:
        own = panel[[name for name in panel.columns if name in component_of]]
        values = own.std(ddof=1).dropna()
        told = [f"{name} hardly varies by {value:.1f} points" for name, value in values.items()]
        counts = own.count().reindex(values.index)
        return _rows(values, "", sanity.constant, counts, values < sanity.constant, told)

    return found


def redundant(sanity: Sanity, component_of: Mapping[str, str]) -> Found:
    """Each indicator with the one that says most nearly the same, of any component; a pair stands there once."""

    def found(panel: pd.DataFrame) -> pd.DataFrame:
        twins = nearest_twins(panel[[name for name in panel.columns if name in component_of]])
        pairs = pd.DataFrame(np.sort(twins[["id", "other"]].to_numpy(dtype=str), axis=1), columns=["id", "other"])
        twins = twins.assign(**pairs).drop_duplicates(["id", "other"]).set_index("id")
        values = twins["correlation"]
        told = [f"{row.Index} says the same as {row.other} by {row.correlation:.2f}" for row in twins.itertuples()]
        counts = panel.count().reindex(values.index)
        return _rows(values, twins["other"], sanity.redundant, counts, values > sanity.redundant, told)

    return found


def neighbours(
    sanity: Sanity, pairs: Sequence[tuple[str, str]], level_of: Mapping[str, str], names: pd.Series
) -> Found:
    """Wards whose scores stand far from those of the wards around them; nothing where no boundary is at hand.

    Args:
        sanity: how far is far.
        pairs: wards that border each other, both ways.
        level_of: level of each element.
        names: names of the wards, by code.
    """

    def found(panel: pd.DataFrame) -> pd.DataFrame:
        parts = []
        for element in panel.columns:
            table, limit = neighbour_gaps(panel[element], pairs).dropna(), sanity.neighbours.of(level_of[element])
            gaps = table["gap"]
            told = [
                f"{names[str(ward)]} stands {gap:+.1f} from its neighbours in {element}" for ward, gap in gaps.items()
            ]
            parts.append(_rows(gaps, element, limit, table["neighbours"], gaps.abs() > limit, told))
        return pd.concat(parts, ignore_index=True)

    return found


def _rows(
    values: pd.Series, other: str | pd.Series, threshold: float, n: pd.Series, finding: pd.Series, told: Sequence[str]
) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "id": values.index,
            "other_id": other if isinstance(other, str) else other.to_numpy(),
            "value": values.to_numpy(dtype="float64"),
            "threshold": threshold,
            "n": n.to_numpy(),
            "finding": finding.to_numpy(),
            "told": list(told),
        },
        columns=FOUND_COLUMNS,
    )


def _reason(sanity: Sanity, kind: str, name: str, other: str, authority: str) -> str | None:
    return next(
        (
            item.reason
            for item in sanity.explained
            if (item.kind, item.id) == (kind, name)
            and item.other_id in (None, other)
            and item.authority in (None, authority)
        ),
        None,
    )

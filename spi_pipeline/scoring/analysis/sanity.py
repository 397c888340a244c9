"""Checks of the finished index as an analyst would make them: findings, their reasons, and the unexplained ones.

The module reads scores and, for comparison alone, the context. No step that computes the index reads from here.
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
CHECK_COLUMNS = ["id", "other_id", "value", "threshold", "n", "finding", "sentence"]
Check = Callable[[pd.DataFrame], pd.DataFrame]


def run_check(
    kind: SanityKind, check: Check, scores: pd.DataFrame, sanity: Sanity, authority_of: pd.Series
) -> pd.DataFrame:
    """Check every authority and edition separately.

    Args:
        kind: the kind of check.
        check: checks the scores of one authority and edition (one row per ward, one column per element) and returns
            ``CHECK_COLUMNS``; ``sentence`` is the finding as a sentence.
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
        frames.append(check(panel).assign(authority_code=str(authority), edition=own["edition"].iloc[0]))
    empty = pd.DataFrame(columns=[*CHECK_COLUMNS, "authority_code", "edition"])
    table = pd.concat(frames, ignore_index=True) if frames else empty
    cells = table[["id", "other_id", "authority_code"]].itertuples(index=False, name=None)
    reasons = pd.Series([_reason(sanity, kind, *cell) for cell in cells], table.index, dtype=object)
    sentences = [f"{text} ({edition})" for text, edition in zip(table["sentence"], table["edition"], strict=True)]
    finding = table["finding"].astype(bool)
    table = table.assign(kind=kind, finding=finding, reason=reasons.where(finding, None))
    unexplained = pd.Series(sentences, table.index, dtype=object).where(finding & table["reason"].isna(), None)
    return table.assign(unexplained=unexplained)[SANITY_COLUMNS]


def comparison(sanity: Sanity, values: pd.DataFrame, level_of: Mapping[str, str]) -> Check:
    """Check the correlation of the index, its dimensions and components with measures of the context.

    Args:
        sanity: the measures, with the expected sign and least size of each correlation.
        values: one row per ward, one column per measure; the newest period of each.
        level_of: level of each element.
    """

    def check(panel: pd.DataFrame) -> pd.DataFrame:
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
                sentence = f"{name} correlates with {wanted.measure} at {r:.2f}"
                rows.append((name, wanted.measure, r, least, len(pairs), sign * r < sign * least, sentence))
        return pd.DataFrame(rows, columns=CHECK_COLUMNS)

    return check


def opposed(sanity: Sanity, component_of: Mapping[str, str]) -> Check:
    """Find indicators that move against the other indicators of their component."""

    def check(panel: pd.DataFrame) -> pd.DataFrame:
        parts = []
        for component in dict.fromkeys(component_of.values()):
            own = panel[[name for name in panel.columns if component_of.get(name) == component]]
            values = rest_correlations(own).dropna()
            sentences = [
                f"{name} moves against {component}, with a correlation of {value:.2f}" for name, value in values.items()
            ]
            counts = own.count().reindex(values.index)
            parts.append(_rows(values, component, sanity.opposed, counts, values < sanity.opposed, sentences))
        return pd.concat(parts, ignore_index=True)

    return check


def constant(sanity: Sanity, component_of: Mapping[str, str]) -> Check:
    """Find indicators whose scores hardly differ between wards."""

    def check(panel: pd.DataFrame) -> pd.DataFrame:
        own = panel[[name for name in panel.columns if name in component_of]]
        values = own.std(ddof=1).dropna()
        sentences = [
            f"{name} hardly varies, with a standard deviation of {value:.1f} points" for name, value in values.items()
        ]
        counts = own.count().reindex(values.index)
        return _rows(values, "", sanity.constant, counts, values < sanity.constant, sentences)

    return check


def redundant(sanity: Sanity, component_of: Mapping[str, str]) -> Check:
    """Pair each indicator with the one it correlates with most, in any component; each pair appears once."""

    def check(panel: pd.DataFrame) -> pd.DataFrame:
        twins = nearest_twins(panel[[name for name in panel.columns if name in component_of]])
        pairs = pd.DataFrame(np.sort(twins[["id", "other"]].to_numpy(dtype=str), axis=1), columns=["id", "other"])
        twins = twins.assign(**pairs).drop_duplicates(["id", "other"]).set_index("id")
        values = twins["correlation"]
        sentences = [
            f"{row.Index} says the same as {row.other}, with a correlation of {row.correlation:.2f}"
            for row in twins.itertuples()
        ]
        counts = panel.count().reindex(values.index)
        return _rows(values, twins["other"], sanity.redundant, counts, values > sanity.redundant, sentences)

    return check


def neighbours(
    sanity: Sanity, pairs: Sequence[tuple[str, str]], level_of: Mapping[str, str], names: pd.Series
) -> Check:
    """Find wards whose scores lie far from those of the wards around them; none where no boundaries are available.

    Args:
        sanity: the limits beyond which a ward counts as far from its neighbours.
        pairs: wards that border each other, each pair in both directions.
        level_of: level of each element.
        names: names of the wards, by code.
    """

    def check(panel: pd.DataFrame) -> pd.DataFrame:
        parts = []
        for element in panel.columns:
            table, limit = neighbour_gaps(panel[element], pairs).dropna(), sanity.neighbours.of(level_of[element])
            gaps = table["gap"]
            sentences = [
                f"{names[str(ward)]} stands {gap:+.1f} standard deviations from its neighbours in {element}"
                for ward, gap in gaps.items()
            ]
            parts.append(_rows(gaps, element, limit, table["neighbours"], gaps.abs() > limit, sentences))
        return pd.concat(parts, ignore_index=True)

    return check


def _rows(
    values: pd.Series,
    other: str | pd.Series,
    threshold: float,
    n: pd.Series,
    finding: pd.Series,
    sentences: Sequence[str],
) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "id": values.index,
            "other_id": other if isinstance(other, str) else other.to_numpy(),
            "value": values.to_numpy(dtype="float64"),
            "threshold": threshold,
            "n": n.to_numpy(),
            "finding": finding.to_numpy(),
            "sentence": list(sentences),
        },
        columns=CHECK_COLUMNS,
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

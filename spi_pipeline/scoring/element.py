"""Rows of the products for one element of the framework, under every profile and for every authority."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from spi_pipeline.engine.calculate.score import Scores
from spi_pipeline.scoring.areas import Areas
from spi_pipeline.scoring.tables import (
    CONTRIBUTION_COLUMNS,
    IMPUTATION_COLUMNS,
    SCORE_COLUMNS,
    WEIGHT_COLUMNS,
    contribution_rows,
    score_rows,
    weight_rows,
)
from spi_pipeline.scoring.tree import Tree, scores_of

Tables = dict[str, pd.DataFrame]


def component_tables(component: str, trees: Mapping[str, Tree], observations: pd.DataFrame, areas: Areas) -> Tables:
    """Score a component and its indicators from the indicators' values.

    Args:
        component: the component.
        trees: by profile, the component and everything below it.
        observations: rows of the product ``indicator_value``, of the published editions.
        areas: wards and authorities.

    Returns:
        The products ``element_score``, ``weight``, ``contribution`` and ``imputation``, by name.
    """
    parts: list[Tables] = []
    for profile, tree in trees.items():
        for authority, codes in areas.by_authority.items():
            scores = tree.score(tree.values(observations, codes), authority)
            levels = scores.task.structure.level_of
            part = _tables(
                scores, component, tree, score_rows(scores, [*tree.leaves, component], levels, scores.coverage)
            )
            cells = scores.indicators.cells
            cells = cells[cells["area_code"] != authority]
            parts.append(_of(part | {"imputation": cells}, profile, authority))
    return _joined(parts)


def parent_tables(parent: str, trees: Mapping[str, Tree], children: pd.DataFrame, areas: Areas) -> Tables:
    """Score a dimension or the index from the scores of its children.

    Args:
        parent: the dimension or the index.
        trees: by profile, the whole index.
        children: rows of the product ``element_score`` of its children.
        areas: wards and authorities.

    Returns:
        The products ``element_score``, ``weight`` and ``contribution``, by name; coverage is the share of all slots
        below the parent.
    """
    parts: list[Tables] = []
    for profile, tree in trees.items():
        own, ids = children[children["profile"] == profile], tree.children(parent)
        slots = pd.Series({child: len(tree.leaves_below(child)) for child in ids})
        above = tree.above(parent)
        for authority, codes in areas.by_authority.items():
            scores = above.score(scores_of(own, ids, codes), authority)
            filled = own.pivot(index=["edition", "area_code"], columns="id", values="coverage")[ids].mul(slots)
            coverage = (filled.sum(axis=1) / slots.sum()).reindex(scores.scores.index)
            rows = score_rows(scores, [parent], scores.task.structure.level_of, coverage.to_frame(parent))
            parts.append(_of(_tables(scores, parent, tree, rows), profile, authority))
    return _joined(parts)


def _tables(scores: Scores, parent: str, tree: Tree, rows: pd.DataFrame) -> Tables:
    return {
        "element_score": rows,
        "weight": weight_rows(scores, parent, tree.fits.get(parent)),
        "contribution": contribution_rows(scores, parent),
    }


def _of(tables: Tables, profile: str, authority: str) -> Tables:
    return {name: table.assign(profile=profile, authority_code=authority) for name, table in tables.items()}


def _joined(parts: list[Tables]) -> Tables:
    columns = {
        "element_score": SCORE_COLUMNS,
        "weight": WEIGHT_COLUMNS,
        "contribution": CONTRIBUTION_COLUMNS,
        "imputation": IMPUTATION_COLUMNS,
    }
    return {name: pd.concat([part[name] for part in parts], ignore_index=True)[columns[name]] for name in parts[0]}

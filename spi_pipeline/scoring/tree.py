"""The council's framework and figures as the engine reads them: a tree of elements with their methods, and long rows.

The whole index is one tree. A step that computes one element passes the engine part of the tree. The same functions
score both, so the part and the whole give bit-identical scores.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from spi_pipeline.contracts.models.framework import Framework
from spi_pipeline.engine import score
from spi_pipeline.engine.calculate.score import Scores
from spi_pipeline.engine.weights.fit import Fit
from spi_pipeline.scoring.areas import Areas
from spi_pipeline.scoring.basis import PRESENT
from spi_pipeline.scoring.declared_methods import declared_methods
from spi_pipeline.scoring.reference import reference_weights

LEVELS = ("indicator", "component", "dimension", "index")
# The keys that define how an element is computed from its children.
PARENT_KEYS = ("weights", "aggregate", "available", "missing", "floor", "rescale", "decimals")
# The keys that define how an indicator's values become scores.
INDICATOR_KEYS = ("normalise", "impute", "treat", "decimals")
# Methods that use the counts behind a value.
COUNTED = {"counts", "shrink", "minimum_count"}
Element = Mapping[str, Any]


@dataclass(frozen=True)
class Tree:
    """The index, or a part of it, under one profile.

    Attributes:
        elements: as the engine reads them, parents before their children.
        fits: alpha, KMO and share of the first component over the wards of England, of the components whose
            indicators are all national.
    """

    elements: tuple[Element, ...]
    fits: Mapping[str, Fit]

    @property
    def leaves(self) -> list[str]:
        """The ids of the elements without children, which take values."""
        parents = {element.get("parent") for element in self.elements}
        return [element["id"] for element in self.elements if element["id"] not in parents]

    def children(self, parent: str) -> list[str]:
        """The ids of an element's children, in order."""
        return [element["id"] for element in self.elements if element.get("parent") == parent]

    def leaves_below(self, root: str) -> list[str]:
        """The ids of the leaves below an element."""
        below = self.children(root)
        return [leaf for child in below for leaf in self.leaves_below(child)] if below else [root]

    def below(self, root: str) -> Tree:
        """The element and everything below it."""
        inside = {root, *self.children(root)}
        while more := {name for each in inside for name in self.children(each)} - inside:
            inside |= more
        return self._cut(root, [element for element in self.elements if element["id"] in inside])

    def above(self, root: str) -> Tree:
        """The element and its children alone; the scores of the children are its inputs."""
        chosen = []
        for element in self.elements:
            if element["id"] == root:
                chosen.append(element)
            elif element.get("parent") == root:
                chosen.append(_scored(element))
        return self._cut(root, chosen)

    def values(self, observations: pd.DataFrame, areas: Sequence[str]) -> pd.DataFrame:
        """Observations of the leaves as the engine reads them; values that are not present are blank.

        Cells with the same period are the same observation and share its error.

        Args:
            observations: rows of the product ``indicator_value``.
            areas: the areas to include.
        """
        wanted = observations["indicator_id"].isin(self.leaves) & observations["area_code"].isin(areas)
        rows = observations[wanted]
        blank = ~rows["status"].isin(PRESENT)
        figures = ["value", "lower", "upper", "allocation_error", "period_end"]
        if any(element.keys() & COUNTED for element in self.elements):
            figures += ["numerator", "denominator"]
        present = {name: rows[name].mask(blank) for name in figures}
        return rows[["area_code", "edition", "indicator_id"]].assign(**present).rename(columns={"period_end": "period"})

    def score(self, rows: pd.DataFrame, authority: str, own_areas: Sequence[str] = ()) -> Scores:
        """Score every element for the wards of one authority and for the authority itself.

        Args:
            rows: as ``values`` or ``scores_of`` returns them.
            authority: code of the authority. It is scored from its own values, but weights, ranks and estimates do not
                depend on it.
            own_areas: the council's own areas among the rows, which are scored in the same way.

        Raises:
            EngineError: when the methods cannot be applied to the values.
        """
        used = [level for level in LEVELS if level in {element["level"] for element in self.elements}]
        framework = {"levels": used, "outside": [authority, *own_areas], "elements": list(self.elements)}
        return score(framework, rows)

    def _cut(self, root: str, elements: Sequence[Element]) -> Tree:
        # The root of a tree has no parent.
        rooted = [
            {key: value for key, value in element.items() if element["id"] != root or key not in ("parent", "rescale")}
            for element in elements
        ]
        return replace(self, elements=tuple(rooted))


def index_tree(framework: Framework, profile: str, catalogue: pd.DataFrame, reference: pd.DataFrame) -> Tree:
    """The whole index under one profile, with only the slots of the basis and the components that have one.

    Args:
        framework: dimensions, components and profiles.
        profile: name of the profile.
        catalogue: rows of the product ``indicator``.
        reference: rows of the source ``reference``.
    """
    methods = framework.profiles[profile].methods
    held = catalogue[catalogue["in_basis"]]
    top = [key for key in PARENT_KEYS if key != "rescale"]
    elements: list[Element] = [{"id": framework.id, "level": "index", **declared_methods(methods, "index", top)}]
    fits: dict[str, Fit] = {}
    for dimension in framework.dimensions:
        own = declared_methods(methods, "dimension", PARENT_KEYS)
        elements.append({"id": dimension.id, "parent": framework.id, "level": "dimension", **own})
        for component in dimension.components:
            rows = held[held["component_id"] == component.id]
            if rows.empty:
                continue
            own = declared_methods(methods, "component", PARENT_KEYS)
            if own.get("weights") == "pca":
                weights, fit = reference_weights(rows, reference)
                own = own | {"weights": weights or "equal"}
                fits |= {} if fit is None else {component.id: fit}
            elements.append({"id": component.id, "parent": dimension.id, "level": "component", **own})
            elements += [_leaf(row, component.id, methods, framework) for row in rows.to_dict("records")]
    return Tree(tuple(elements), fits)


def scores_of(scores: pd.DataFrame, ids: Sequence[str], areas: Sequence[str]) -> pd.DataFrame:
    """Scores of some elements as values of the leaves of a tree.

    Args:
        scores: rows of the product ``element_score`` of one profile.
        ids: the elements to include.
        areas: the areas to include.
    """
    rows = scores[scores["id"].isin(ids) & scores["area_code"].isin(areas)]
    return rows.rename(columns={"id": "indicator_id", "score": "value"})[
        ["area_code", "edition", "indicator_id", "value"]
    ]


def _leaf(row: Mapping[Any, Any], parent: str, methods: Mapping[str, Any], framework: Framework) -> Element:
    own = declared_methods(methods, "indicator", INDICATOR_KEYS)
    if own.get("impute") == "regression":
        own["impute"] = {"method": "regression", "minimum_share": framework.publication.areas}
    goalposts = {name: row[name] for name in ("direction", "worst", "best")}
    own |= json.loads(row["methods"]) if isinstance(row.get("methods"), str) else {}
    return {"id": row["indicator_id"], "parent": parent, "level": "indicator", **goalposts, **own}


def _scored(element: Element) -> Element:
    """An element as a leaf whose values are its scores, rescaled where its specification says so."""
    spec = element.get("rescale") or "none"
    options = dict(spec) if isinstance(spec, Mapping) else {"method": spec}
    ends = {key: options.pop(key) for key in ("worst", "best", "target") if key in options}
    return {
        "id": element["id"], "parent": element["parent"], "level": element["level"], "direction": "higher_is_better",
        "normalise": options, **ends,
    }  # fmt: skip


def index_weights(tree: Tree, rows: pd.DataFrame, areas: Areas) -> pd.Series:
    """The weight of every indicator in the whole index: the mean over authorities, for weights fitted to wards.

    Args:
        tree: the whole index.
        rows: as ``Tree.values`` returns them.
        areas: wards and authorities.
    """
    parts = []
    for authority, codes in areas.by_authority.items():
        formed = tree.score(rows[rows["area_code"].isin(codes)], authority).aggregations
        of_parent = {parent: one.weights for parent, one in formed.items()}
        parts.append(weights_below(of_parent, tree.elements[0]["id"]))
    weights: pd.Series = pd.concat(parts).groupby(level=0, sort=False).mean()
    return weights


def weights_below(of_parent: Mapping[str, pd.Series], root: str) -> pd.Series:
    """The weight of every indicator below an element in that element.

    Args:
        of_parent: by parent, the weights of its children.
        root: the element; an indicator has weight 1 in itself.
    """
    if root not in of_parent:
        return pd.Series({root: 1.0})
    parts = [share * weights_below(of_parent, str(child)) for child, share in of_parent[root].items()]
    below: pd.Series = pd.concat(parts)
    return below

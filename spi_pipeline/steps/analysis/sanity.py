"""The finished index looked at as an analyst would, for comparison: nothing the index is made of reads from here."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.contracts.models.sanity import SanityKind
from spi_pipeline.geography.shapes import Shapes
from spi_pipeline.scoring.analysis import sanity
from spi_pipeline.scoring.analysis.context import newest
from spi_pipeline.steps.inputs import Inputs
from spi_pipeline.steps.pages.page import Page
from spi_pipeline.steps.places import wards
from spi_pipeline.steps.scored import SCORE, areas
from spi_pipeline.steps.step import Does, Step, all_elements, indicator_files, products


def sanity_steps(contracts: Contracts) -> list[Step]:
    """One step for each question, each a part of the product ``sanity``."""
    components, every = list(contracts.framework.components), all_elements(contracts)
    return [
        _step(
            contracts, "comparison", comparison, every, ("context",), "Against deprivation and income",
            "Correlation of the index, its dimensions and components with the official deprivation and with income.",
        ),
        _step(
            contracts, "opposed", opposed, components, (), "Against their component",
            "Indicators that move against the others of their component.",
        ),
        _step(
            contracts, "constant", constant, components, (), "Hardly varying",
            "Indicators whose scores hardly differ between wards.",
        ),
        _step(
            contracts, "redundant", redundant, components, (), "Said twice",
            "Each indicator with the one that says most nearly the same.",
        ),
        _step(
            contracts, "neighbours", neighbours, every, ("wards",), "Against their neighbours",
            "Wards whose scores stand far from those of the wards around them.",
        ),
    ]  # fmt: skip


def _step(
    contracts: Contracts,
    kind: SanityKind,
    does: Does,
    elements: list[str],
    others: tuple[str, ...],
    title: str,
    description: str,
) -> Step:
    return Step(
        name=kind,
        kind="sanity",
        group="analysis",
        inputs=(*(f"{SCORE}{name}" for name in elements), *others),
        outputs=(f"sanity.{kind}",),
        files=("sanity.yaml", "framework.yaml", *indicator_files(contracts), *products("sanity")),
        does=does,
        page=Page(),
        title=title,
        description=description,
        operation="sanity",
        lineage={"value": tuple((f"{SCORE}{name}", "score") for name in elements)},
    )


def comparison(step: Step, contracts: Contracts, inputs: Inputs) -> Mapping[str, pd.DataFrame]:
    """How scores go with measures of the context."""
    scores, level_of = _elements(inputs)
    found = sanity.comparison(contracts.sanity, newest(inputs.frame("context")), level_of)
    return _looked(step, "comparison", found, scores, contracts)


def opposed(step: Step, contracts: Contracts, inputs: Inputs) -> Mapping[str, pd.DataFrame]:
    """Indicators against the others of their component."""
    found = sanity.opposed(contracts.sanity, contracts.component_of)
    return _looked(step, "opposed", found, inputs.parts("element_score"), contracts)


def constant(step: Step, contracts: Contracts, inputs: Inputs) -> Mapping[str, pd.DataFrame]:
    """Indicators that hardly vary."""
    found = sanity.constant(contracts.sanity, contracts.component_of)
    return _looked(step, "constant", found, inputs.parts("element_score"), contracts)


def redundant(step: Step, contracts: Contracts, inputs: Inputs) -> Mapping[str, pd.DataFrame]:
    """Indicators that say the same as another."""
    found = sanity.redundant(contracts.sanity, contracts.component_of)
    return _looked(step, "redundant", found, inputs.parts("element_score"), contracts)


def neighbours(step: Step, contracts: Contracts, inputs: Inputs) -> Mapping[str, pd.DataFrame]:
    """Wards against the wards around them."""
    scores, level_of = _elements(inputs)
    shapes = wards(inputs, contracts)
    names = shapes.set_index("area_code")["area_name"]
    found = sanity.neighbours(contracts.sanity, Shapes.from_frame(shapes).touching(), level_of, names)
    return _looked(step, "neighbours", found, scores, contracts)


def _elements(inputs: Inputs) -> tuple[pd.DataFrame, dict[str, str]]:
    """The scores of components and above, and the level of each element."""
    scores = inputs.parts("element_score")
    level_of = dict(zip(scores["id"], scores["level"], strict=True))
    return scores[scores["level"] != "indicator"], level_of


def _looked(
    step: Step, kind: SanityKind, found: sanity.Found, scores: pd.DataFrame, contracts: Contracts
) -> Mapping[str, pd.DataFrame]:
    table = sanity.look(kind, found, scores, contracts.sanity, areas(contracts).authority_of)
    return {step.outputs[0]: table}

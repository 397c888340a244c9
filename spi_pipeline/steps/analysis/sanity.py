"""Checks of the finished index that an analyst would make; no step that computes the index reads from here."""

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
from spi_pipeline.steps.step import Step, StepFunction, all_elements, indicator_files, products


def sanity_steps(contracts: Contracts) -> list[Step]:
    """One step for each question, each a part of the product ``sanity``."""
    components, every = list(contracts.framework.components), all_elements(contracts)
    return [
        _step(
            contracts, "comparison", comparison, every, ("context",), "Against deprivation and income",
            "Correlations of the index, its dimensions and components with the official index of deprivation and "
            "with income.",
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
            contracts, "redundant", redundant, components, (), "Redundant",
            "Each indicator with the indicator that is most like it.",
        ),
        _step(
            contracts, "neighbours", neighbours, every, ("wards",), "Against their neighbours",
            "Wards whose scores are far from those of the wards around them.",
        ),
    ]  # fmt: skip


def _step(
    contracts: Contracts,
    kind: SanityKind,
    does: StepFunction,
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
    """Correlations of scores with measures of the context."""
    scores, level_of = _elements(inputs)
    findings = sanity.comparison(contracts.sanity, newest(inputs.frame("context")), level_of)
    return _table_of(step, "comparison", findings, scores, contracts)


def opposed(step: Step, contracts: Contracts, inputs: Inputs) -> Mapping[str, pd.DataFrame]:
    """Indicators against the others of their component."""
    findings = sanity.opposed(contracts.sanity, contracts.component_of)
    return _table_of(step, "opposed", findings, inputs.parts("element_score"), contracts)


def constant(step: Step, contracts: Contracts, inputs: Inputs) -> Mapping[str, pd.DataFrame]:
    """Indicators that hardly vary."""
    findings = sanity.constant(contracts.sanity, contracts.component_of)
    return _table_of(step, "constant", findings, inputs.parts("element_score"), contracts)


def redundant(step: Step, contracts: Contracts, inputs: Inputs) -> Mapping[str, pd.DataFrame]:
    """Indicators that nearly repeat another."""
    findings = sanity.redundant(contracts.sanity, contracts.component_of)
    return _table_of(step, "redundant", findings, inputs.parts("element_score"), contracts)


def neighbours(step: Step, contracts: Contracts, inputs: Inputs) -> Mapping[str, pd.DataFrame]:
    """Wards against the wards around them."""
    scores, level_of = _elements(inputs)
    shapes = wards(inputs, contracts)
    names = shapes.set_index("area_code")["area_name"]
    findings = sanity.neighbours(contracts.sanity, Shapes.from_frame(shapes).touching(), level_of, names)
    return _table_of(step, "neighbours", findings, scores, contracts)


def _elements(inputs: Inputs) -> tuple[pd.DataFrame, dict[str, str]]:
    """The scores of components and above, and the level of each element."""
    scores = inputs.parts("element_score")
    level_of = dict(zip(scores["id"], scores["level"], strict=True))
    return scores[scores["level"] != "indicator"], level_of


def _table_of(
    step: Step, kind: SanityKind, findings: sanity.Check, scores: pd.DataFrame, contracts: Contracts
) -> Mapping[str, pd.DataFrame]:
    table = sanity.run_check(kind, findings, scores, contracts.sanity, areas(contracts).authority_of)
    return {step.outputs[0]: table}

"""What products promise because of what is measured: rules that follow from indicators and context measures."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from spi_pipeline.contracts.models.indicators import Indicator, Measured
from spi_pipeline.contracts.models.tables import Product
from spi_pipeline.rules.kinds import KINDS
from spi_pipeline.rules.rule import Rule, Severity


def with_measured(product: Product, indicators: Sequence[Indicator], measures: Sequence[Measured]) -> Product:
    """A product with the rules that follow from what is measured.

    Observations and the economic context lie in the range called plausible, and so should what is estimated; a value
    is what its numerator and denominator come to; the catalogue holds every indicator.

    Args:
        product: the product.
        indicators: every indicator.
        measures: every context measure.
    """
    rules: dict[str, list[Rule]] = {
        "indicator_value": [_plausible("indicator_id", indicators), _quotient(indicators)],
        "observation": [_plausible("indicator_id", indicators, "warning")],
        "imputation": [_plausible("indicator_id", indicators, "warning")],
        "economy": [_plausible("measure_id", measures)],
        "indicator": [_every(indicators)],
    }
    return replace(product, rules=(*product.rules, *rules.get(product.id, ())))


def _plausible(about: str, measured: Sequence[Measured], severity: Severity = "error") -> Rule:
    bounds = {item.id: [item.plausible.minimum, item.plausible.maximum] for item in measured}
    said = f"every value lies in the range its {about.removesuffix('_id')} calls plausible"
    return Rule("plausible", "between_by", severity, said, (about, "value"), {"bounds": bounds})


def _quotient(indicators: Sequence[Indicator]) -> Rule:
    """Means have no numerator, so nothing to be held to."""
    factors = {"share": 100.0, "rate": None}
    stated: dict[str, Any] = {
        item.id: factors[item.measure.kind] or item.measure.per for item in indicators if item.measure.kind in factors
    }
    columns = ("indicator_id", "value", "numerator", "denominator")
    return Rule("quotient", "quotient", "error", KINDS["quotient"].promise, columns, {"factors": stated})


def _every(indicators: Sequence[Indicator]) -> Rule:
    said = "the catalogue holds every indicator"
    return Rule("every_indicator", "row_count", "error", said, (), {"min": len(indicators), "max": len(indicators)})

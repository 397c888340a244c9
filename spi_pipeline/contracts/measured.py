"""What products promise because of what is measured: rules that follow from indicators and context measures."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from spi_pipeline.contracts.models.indicators import Indicator, Measured
from spi_pipeline.contracts.models.tables import Product, Source
from spi_pipeline.rules.kinds import KINDS
from spi_pipeline.rules.rule import Rule, Severity

# Luton's busiest months at hand hold 1.14 (crime) and 1.56 (stops) times what is usual, its quietest 0.74 and 0.45.
MOST_OF_USUAL = 3.0


def with_measured(
    product: Product, indicators: Sequence[Indicator], measures: Sequence[Measured], sources: Sequence[Source]
) -> Product:
    """A product with the rules that follow from what is measured.

    Observations and the economic context lie in the range called plausible, and so should what is estimated; the errors
    of observations are no larger than that range allows; a value is what its numerator and denominator come to; the
    catalogue holds every indicator. No month is thin, or holds more incidents without a place than its source allows.

    Args:
        product: the product.
        indicators: every indicator.
        measures: every context measure.
        sources: every source.
    """
    rules: dict[str, list[Rule]] = {
        "indicator_value": [_plausible("indicator_id", indicators), *_errors(indicators), _quotient(indicators)],
        "observation": [_plausible("indicator_id", indicators, "warning"), *_errors(indicators)],
        "imputation": [_plausible("indicator_id", indicators, "warning")],
        "economy": [_plausible("measure_id", measures)],
        "indicator": [_every(indicators)],
        "completeness": _months(sources),
    }
    return replace(product, rules=(*product.rules, *rules.get(product.id, ())))


def _plausible(about: str, measured: Sequence[Measured], severity: Severity = "error") -> Rule:
    bounds = {item.id: [item.plausible.minimum, item.plausible.maximum] for item in measured}
    said = f"every value lies in the range its {about.removesuffix('_id')} calls plausible"
    return Rule("plausible", "between_by", severity, said, (about, "value"), {"bounds": bounds})


def _errors(indicators: Sequence[Indicator]) -> list[Rule]:
    """An interval reaches beyond the plausible range by no more than its width; a standard error is less than half."""
    ranges = {item.id: (item.plausible.minimum, item.plausible.maximum) for item in indicators}
    ends = {name: [2 * low - high, 2 * high - low] for name, (low, high) in ranges.items()}
    errors = {name: [0.0, (high - low) / 2] for name, (low, high) in ranges.items()}
    said = "an error is no larger than the range its indicator calls plausible allows"
    return [
        Rule(f"{column}_plausible", "between_by", "error", said, ("indicator_id", column), {"bounds": bounds})
        for column, bounds in (("lower", ends), ("upper", ends), ("allocation_error", errors))
    ]


def _quotient(indicators: Sequence[Indicator]) -> Rule:
    """Means have no numerator, so nothing to be held to."""
    factors = {"share": 100.0, "rate": None}
    stated: dict[str, Any] = {
        item.id: factors[item.measure.kind] or item.measure.per for item in indicators if item.measure.kind in factors
    }
    columns = ("indicator_id", "value", "numerator", "denominator")
    return Rule("quotient", "quotient", "error", KINDS["quotient"].promise, columns, {"factors": stated})


def _months(sources: Sequence[Source]) -> list[Rule]:
    """Months of sources that count by month lie between what each states and three times of what is usual."""
    monthly = {source.id: source.properties.months for source in sources if source.properties.period.column == "month"}
    judged = {
        "share_of_usual": (
            "no month was published in part, or more than once",
            {name: [it.thin, MOST_OF_USUAL] for name, it in monthly.items()},
        ),
        "share_without_place": (
            "no more incidents of a month are without a place than its source allows",
            {name: [0.0, it.without_place] for name, it in monthly.items()},
        ),
    }
    return [
        Rule(f"{column}_bounded", "between_by", "warning", said, ("source_id", column), {"bounds": bounds})
        for column, (said, bounds) in judged.items()
    ]


def _every(indicators: Sequence[Indicator]) -> Rule:
    said = "the catalogue holds every indicator"
    return Rule("every_indicator", "row_count", "error", said, (), {"min": len(indicators), "max": len(indicators)})

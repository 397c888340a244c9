"""What products promise because of what is measured: rules that follow from indicators and context measures."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from spi_pipeline.contracts.models.geography import Geography
from spi_pipeline.contracts.models.indicators import Context, Indicator, Measured
from spi_pipeline.contracts.models.tables import Product, Source
from spi_pipeline.rules.kinds import KINDS
from spi_pipeline.rules.rule import Rule, Severity

# Luton's busiest months at hand hold 1.14 (crime) and 1.56 (stops) times what is usual, its quietest 0.74 and 0.45.
MOST_OF_USUAL = 3.0


def with_measured(
    product: Product,
    indicators: Sequence[Indicator],
    context: Context,
    sources: Sequence[Source],
    geography: Geography,
) -> Product:
    """A product with the rules that follow from what is measured.

    Observations and the context lie in the range called plausible, and so should what is estimated; the errors of
    observations are no larger than that range allows; a value is what its numerator and denominator come to. The
    catalogue holds every indicator, and ten years between censuses every measure that both tell. No month is thin, or
    holds more incidents without a place than its source allows.

    Args:
        product: the product.
        indicators: every indicator.
        context: every context measure, and what two censuses tell of which.
        sources: every source.
        geography: the areas, and the sources that some have no figures of.
    """
    measures = context.measures
    rules: dict[str, list[Rule]] = {
        "indicator_value": [
            _plausible("indicator_id", indicators),
            *_errors(indicators),
            _quotient("indicator_id", indicators),
        ],
        "observation": [_plausible("indicator_id", indicators, "warning"), *_errors(indicators)],
        "imputation": [_plausible("indicator_id", indicators, "warning")],
        "context": [_plausible("measure_id", measures), _quotient("measure_id", measures)],
        "indicator": [_every(indicators)],
        "completeness": _months(sources),
        "decade": _pairs(indicators, context, geography),
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


def _quotient(about: str, measured: Sequence[Measured]) -> Rule:
    """Means have no numerator and totals no denominator, so nothing to be held to."""
    factors = {"share": 100.0, "rate": None, "density": None}
    stated: dict[str, Any] = {
        item.id: factors[item.measure.kind] or item.measure.per for item in measured if item.measure.kind in factors
    }
    columns = (about, "value", "numerator", "denominator")
    return Rule("quotient", "quotient", "error", KINDS["quotient"].promise, columns, {"factors": stated})


def _months(sources: Sequence[Source]) -> list[Rule]:
    """Months of sources that count by month lie between what each states and three times what is usual."""
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


def _pairs(indicators: Sequence[Indicator], context: Context, geography: Geography) -> list[Rule]:
    """Every area has a row of each measure that two censuses tell; where no authority holds both there is no row.

    How many measures there are is bounded from above alone: one whose source has no figures as things are run now has
    no row.
    """
    source_of = {item.id: item.source for item in (*indicators, *context.measures)}
    held = [
        earlier
        for earlier in context.decade
        if geography.holding(earlier.source) and geography.holding(source_of[earlier.measure])
    ]
    areas = [*geography.authority_codes, *geography.ward_codes]
    said = "no measure has rows but those that two censuses tell"
    most = Rule("no_other_measure", "row_count", "error", said, (), {"max": len(held) * len(areas)})
    if not held:
        return [most]
    said = "every area has a row of each measure that two censuses tell"
    params = {"areas": areas, "min_share": 1.0, "by": ["measure_id"]}
    return [most, Rule("every_area", "coverage", "error", said, ("area_code",), params)]


def _every(indicators: Sequence[Indicator]) -> Rule:
    said = "the catalogue holds every indicator"
    return Rule("every_indicator", "row_count", "error", said, (), {"min": len(indicators), "max": len(indicators)})

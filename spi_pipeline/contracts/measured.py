"""What products promise because of what is measured: rules that follow from indicators and context measures."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from spi_pipeline.contracts.models.geography import Geography
from spi_pipeline.contracts.models.indicators import Context, Indicator, Measured
from spi_pipeline.contracts.models.tables import Product, Source
from spi_pipeline.contracts.models.vocabulary import Unit
from spi_pipeline.rules.disclosure import Least
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
    units: Mapping[str, Unit],
) -> Product:
    """A product with the rules that follow from what is measured.

    Observations and the context lie in the range called plausible, and so should what is estimated; the errors of
    observations are no larger than that range allows; a value is what its numerator and denominator come to. The
    catalogue holds every indicator, and ten years between censuses every measure that both tell. No month is thin, or
    holds more incidents without a place than its source allows. Where a source states the smallest count that may be
    shown, no smaller one is given away. In what is published no postcode or point stands beside a figure.

    Args:
        product: the product.
        indicators: every indicator.
        context: every context measure, and what two censuses tell of which.
        sources: every source.
        geography: the areas, and the sources that some have no figures of.
        units: the vocabulary's.
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
    about: Sequence[Measured] = measures if product.id == "context" else indicators
    least = {item.id: least_of(item, {one.id: one for one in sources}, units) for item in about}
    own = (*rules.get(product.id, ()), *_disclosure(product.id, least, geography), *_unplaced(product))
    return replace(product, rules=(*product.rules, *own))


def least_of(measured: Measured, sources: Mapping[str, Source], units: Mapping[str, Unit]) -> Least | None:
    """The smallest counts that what is measured may show, by what its sources state; None where it may show any."""
    measure, unit = measured.measure, units[measured.unit]
    own, base = sources[measured.source], 1.0
    if measure.denominator:
        base = sources[measure.denominator.source or own.id].properties.minimum_count
    counted = measure.kind != "mean" or (measured.error is not None and measured.error.basis == "counts")
    least = Least(
        minimum=own.properties.minimum_count if counted else 1.0,
        of=base,
        per={"share": 100.0, "rate": measure.per, "mean": unit.per or 1.0}.get(measure.kind) if counted else None,
        alike=measure.kind == "share" or (measure.kind == "mean" and counted and unit.maximum is not None),
    )
    return least if max(least.minimum, least.of) > 1 else None


# Products that hold counts of areas, with the columns that the rule ``disclosure`` takes.
_COUNTING = {
    "indicator_value": ("indicator_id", "area_code", "numerator", "value", "denominator"),
    "observation": ("indicator_id", "area_code", "numerator", "value", "denominator"),
    "context": ("measure_id", "area_code", "numerator", "value", "denominator"),
    "what_would_it_take": ("indicator_id", "area_code", "counted"),
}


def _disclosure(product: str, least: Mapping[str, Least | None], geography: Geography) -> list[Rule]:
    """No smaller count is given away than sources state; no rule where every source may show any count."""
    stated = {name: one._asdict() for name, one in least.items() if one is not None}
    if product not in _COUNTING or not stated:
        return []
    columns = _COUNTING[product]
    wholes = {ward.code: ward.authority for ward in geography.wards}
    params = {"by": [columns[0], "period_start", "period_end"], "least": stated, "wholes": wholes}
    return [Rule("disclosure", "disclosure", "error", KINDS["disclosure"].promise, columns, params)]


def _unplaced(product: Product) -> list[Rule]:
    columns = tuple(column.name for column in product.columns if column.type in ("string", "integer", "number"))
    if not product.published:
        return []
    return [Rule("unplaced", "unplaced", "error", KINDS["unplaced"].promise, columns)]


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

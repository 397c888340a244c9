"""The rules of products that follow from indicators and context measures."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from spi_pipeline.contracts.models.geography import Geography
from spi_pipeline.contracts.models.indicators import Context, Indicator, Measured
from spi_pipeline.contracts.models.tables import Product, Source
from spi_pipeline.contracts.models.vocabulary import Unit
from spi_pipeline.rules.disclosure import MinimumCounts
from spi_pipeline.rules.kinds import KINDS
from spi_pipeline.rules.rule import Rule, Severity

# Luton's busiest months on record hold 1.14 (crime) and 1.56 (stops) times the usual count, its quietest 0.74 and 0.45.
MOST_OF_USUAL = 3.0


def with_measured(
    product: Product,
    indicators: Sequence[Indicator],
    context: Context,
    sources: Sequence[Source],
    geography: Geography,
    units: Mapping[str, Unit],
) -> Product:
    """A product with the rules that follow from indicators and context measures.

    * Observations and context values lie in their plausible range; a value outside is an error, for estimates a
      warning. The errors of observations are no larger than that range allows.
    * A value is its numerator over its denominator, times the factor of its measure.
    * The catalogue holds every indicator, and the table of the decade every measure that both censuses hold.
    * No month is thin, or holds more incidents without a place than its source allows.
    * If a source declares the smallest count that may be shown, no figure gives away a smaller one.
    * No postcode or point stands next to a figure in a published product.

    Args:
        product: the product.
        indicators: every indicator.
        context: every context measure, and the measures that two censuses hold.
        sources: every source.
        geography: the areas, and the sources without figures for some of them.
        units: the units of the vocabulary.
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
    measured: Sequence[Measured] = measures if product.id == "context" else indicators
    least = {item.id: minimum_counts_of(item, {one.id: one for one in sources}, units) for item in measured}
    own = (*rules.get(product.id, ()), *_disclosure(product.id, least, geography), *_unplaced(product))
    return replace(product, rules=(*product.rules, *own))


def minimum_counts_of(
    measured: Measured, sources: Mapping[str, Source], units: Mapping[str, Unit]
) -> MinimumCounts | None:
    """The smallest counts that an indicator or measure may show, as its sources declare; None if it may show any."""
    measure, unit = measured.measure, units[measured.unit]
    own, base = sources[measured.source], 1.0
    if measure.denominator:
        base = sources[measure.denominator.source or own.id].properties.minimum_count
    counted = measure.kind != "mean" or (measured.error is not None and measured.error.evidence == "counts")
    least = MinimumCounts(
        minimum=own.properties.minimum_count if counted else 1.0,
        denominator=base,
        per={"share": 100.0, "rate": measure.per, "mean": unit.per or 1.0}.get(measure.kind) if counted else None,
        alike=measure.kind == "share" or (measure.kind == "mean" and counted and unit.maximum is not None),
    )
    return least if max(least.minimum, least.denominator) > 1 else None


# Products that hold counts of areas, with the columns that the rule ``disclosure`` takes.
_COUNTING = {
    "indicator_value": ("indicator_id", "area_code", "numerator", "value", "denominator"),
    "observation": ("indicator_id", "area_code", "numerator", "value", "denominator"),
    "context": ("measure_id", "area_code", "numerator", "value", "denominator"),
    "what_would_it_take": ("indicator_id", "area_code", "counted"),
}


def _disclosure(product: str, least: Mapping[str, MinimumCounts | None], geography: Geography) -> list[Rule]:
    """The rule that no figure gives away a smaller count than sources allow; none if all sources show every count."""
    declared = {name: one._asdict() for name, one in least.items() if one is not None}
    if product not in _COUNTING or not declared:
        return []
    columns = _COUNTING[product]
    wholes = {ward.code: ward.authority for ward in geography.wards}
    params = {"by": [columns[0], "period_start", "period_end"], "least": declared, "wholes": wholes}
    return [Rule("disclosure", "disclosure", "error", KINDS["disclosure"].promise, columns, params)]


def _unplaced(product: Product) -> list[Rule]:
    columns = tuple(column.name for column in product.columns if column.type in ("string", "integer", "number"))
    if not product.published:
        return []
    return [Rule("unplaced", "unplaced", "error", KINDS["unplaced"].promise, columns)]


def _plausible(subject: str, measured: Sequence[Measured], severity: Severity = "error") -> Rule:
    bounds = {item.id: [item.plausible.minimum, item.plausible.maximum] for item in measured}
    description = f"every value lies in the range its {subject.removesuffix('_id')} calls plausible"
    return Rule("plausible", "between_by", severity, description, (subject, "value"), {"bounds": bounds})


def _errors(indicators: Sequence[Indicator]) -> list[Rule]:
    """An interval extends beyond the plausible range by at most its width; a standard error is at most half of it."""
    ranges = {item.id: (item.plausible.minimum, item.plausible.maximum) for item in indicators}
    ends = {name: [2 * low - high, 2 * high - low] for name, (low, high) in ranges.items()}
    errors = {name: [0.0, (high - low) / 2] for name, (low, high) in ranges.items()}
    description = "an error is no larger than the range its indicator calls plausible allows"
    return [
        Rule(f"{column}_plausible", "between_by", "error", description, ("indicator_id", column), {"bounds": bounds})
        for column, bounds in (("lower", ends), ("upper", ends), ("allocation_error", errors))
    ]


def _quotient(subject: str, measured: Sequence[Measured]) -> Rule:
    """The rule on quotients; means have no numerator and totals no denominator, so it does not judge them."""
    factors = {"share": 100.0, "rate": None, "density": None}
    by_id: dict[str, Any] = {
        item.id: factors[item.measure.kind] or item.measure.per for item in measured if item.measure.kind in factors
    }
    columns = (subject, "value", "numerator", "denominator")
    return Rule("quotient", "quotient", "error", KINDS["quotient"].promise, columns, {"factors": by_id})


def _months(sources: Sequence[Source]) -> list[Rule]:
    """The rules on months: each lies between its source's limit and three times the usual count."""
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
        Rule(f"{column}_bounded", "between_by", "warning", description, ("source_id", column), {"bounds": bounds})
        for column, (description, bounds) in judged.items()
    ]


def _pairs(indicators: Sequence[Indicator], context: Context, geography: Geography) -> list[Rule]:
    """Every area has a row for each measure that two censuses hold, unless no authority has figures of both.

    The number of measures has an upper bound only: a measure whose source has no figures in this mode has no row.
    """
    source_of = {item.id: item.source for item in (*indicators, *context.measures)}
    held = [
        earlier
        for earlier in context.decade
        if geography.holding(earlier.source) and geography.holding(source_of[earlier.measure])
    ]
    areas = [*geography.authority_codes, *geography.ward_codes]
    description = "only measures of both censuses have rows"
    most = Rule("no_other_measure", "row_count", "error", description, (), {"max": len(held) * len(areas)})
    if not held:
        return [most]
    description = "every area has a row for each measure of both censuses"
    params = {"areas": areas, "min_share": 1.0, "by": ["measure_id"]}
    return [most, Rule("every_area", "coverage", "error", description, ("area_code",), params)]


def _every(indicators: Sequence[Indicator]) -> Rule:
    number = len(indicators)
    description = "the catalogue holds every indicator"
    return Rule("every_indicator", "row_count", "error", description, (), {"min": number, "max": number})

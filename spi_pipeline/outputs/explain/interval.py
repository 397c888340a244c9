"""Explains how certain a ward's score and rank are: the sources of uncertainty, and where each interval comes from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from spi_pipeline.contracts.models.indicators import Indicator
from spi_pipeline.outputs.explain.question import Answer, Element, Question
from spi_pipeline.outputs.explain.score import observed
from spi_pipeline.scoring.left_out import in_words


@dataclass(frozen=True)
class ElementInterval(Element):
    """The uncertainty of one element.

    Attributes:
        facts: score and rank; ``score_low`` and ``score_high``, the limits of nine in ten recalculations that draw all
            uncertainty; ``measured_low`` and ``measured_high``, the limits when only errors of the figures are drawn;
            ``rank_low`` and ``rank_high``; ``among_lowest``, the share of recalculations in which the ward is among
            the worst. For an indicator, also the facts that ``observed`` returns.
        interval_origin: where the interval of an indicator's value comes from, in sentences.
        children: the elements it is made of.
    """

    facts: dict[str, Any]
    interval_origin: list[str] = field(default_factory=list)
    children: list[ElementInterval] = field(default_factory=list)


@dataclass(frozen=True)
class IntervalExplanation(Answer):
    """The explanation of the intervals of a ward's score and rank.

    Attributes:
        edition: the edition.
        lowest: how many wards count as the worst.
        doubt: every source of uncertainty: whether and how it was varied (table ``doubt``), and its share in how far
            the ranks of the authority's wards in the index move (table ``sensitivity``, newest edition), by itself
            (``first``) and together with others (``total``); the largest total comes first.
        shares_of: the edition that the shares refer to.
        root: the requested element.
    """

    edition: int
    lowest: int
    doubt: list[dict[str, Any]]
    shares_of: int | None
    root: ElementInterval


def explain_interval(question: Question, edition: int | None = None) -> IntervalExplanation:
    """Explain how certain a score and a rank are.

    Args:
        question: the area, profile and element in question.
        edition: the edition; the newest if None.

    Raises:
        UnknownNameError: when the edition does not exist; the message names those that do.
    """
    year, lowest = question.edition(edition), question.contracts.framework.uncertainty.lowest
    (newest,) = question.rows(
        "SELECT max(edition) AS edition FROM sensitivity WHERE profile = $profile AND authority_code = $authority"
    )
    root = _interval(question, question.element, year)
    return IntervalExplanation(*question.identity, year, lowest, _doubt(question), newest["edition"], root)


def _doubt(question: Question) -> list[dict[str, Any]]:
    return question.rows(
        """
        SELECT d.source, d.varied, d.how, d.assumed, d.draws,
               s.first, s.first_low, s.first_high, s.total, s.total_low, s.total_high
        FROM doubt d LEFT JOIN sensitivity s USING (authority_code, profile, source)
        WHERE d.profile = $profile AND d.authority_code = $authority
        ORDER BY d.varied DESC, s.total DESC NULLS LAST, d.source
        """
    )


def _interval(question: Question, element: str, year: int) -> ElementInterval:
    rows = question.rows(
        """
        SELECT s.level, s.score, s.score_low, s.score_high, s.measured_low, s.measured_high, s.rank, s.rank_low,
               s.rank_high, r.among_lowest
        FROM score s LEFT JOIN rank_interval r USING (edition, profile, id, area_code)
        WHERE s.edition = $edition AND s.profile = $profile AND s.id = $id AND s.area_code = $area
        """,
        edition=year,
        id=element,
    )
    if why := question.left_out.get(element):
        interval_origin = [f"It has no score, so there is nothing to be uncertain about. {in_words(why)}"]
        return ElementInterval(element, question.title(element), "component", {"score": None}, interval_origin)
    facts = rows[0] if rows else {"level": "indicator", "score": None}
    level = str(facts.pop("level"))
    if level == "indicator":
        facts |= observed(question, element, year)
        interval_origin = _interval_origin(question, question.contracts.indicators[element], facts)
        return ElementInterval(element, question.title(element), level, facts, interval_origin)
    children = [_interval(question, str(part["id"]), year) for part in question.children(element, year)]
    return ElementInterval(element, question.title(element), level, facts, [], children)


def _interval_origin(question: Question, indicator: Indicator, facts: dict[str, Any]) -> list[str]:
    if facts["value"] is None:
        return ["There is no value, so there is nothing to be uncertain about."]
    if facts["status"] == "imputed":
        error = facts["imputation_error"]
        size = (
            "Its error is unknown, since there was no known value to test such estimates on; draws do not vary it."
            if error is None
            else f"Such estimates miss known values by {error:.4g} (root mean square); draws vary it by that much."
        )
        return [f"An estimate has no interval of measurement. {size}"]
    return [_measured(question, indicator, facts), _shared_out(question, indicator, facts)]


def _measured(question: Question, indicator: Indicator, facts: dict[str, Any]) -> str:
    """The origin of ``lower`` and ``upper`` of a value."""
    error, level = indicator.error, indicator.measure.level
    if error is not None and error.evidence == "published":
        return "The limits are the publisher's own, brought to the ward in the same way as the value."
    if error is not None and error.evidence != "counts":
        size = (
            f"{error.sd:g} {facts['unit']}"
            if error.relative_sd is None
            else f"{100 * error.relative_sd:.3g} % of the value"
        )
        why = error.reason
        if error.other is not None:
            second = f"This is how far {question.title(error.other)}, which measures the same, disagrees."
            why = f"{second} {why}".rstrip()
        bound = ", an upper bound," if error.evidence == "assumed" else ""
        return f"No count gives its error, so 1.96 standard errors of {size}{bound} lie on either side. {why}"
    if level is not None:
        properties = question.contracts.sources[level.source].properties
        return (
            f"The level is taken as {properties.publisher} publishes it. How far {facts['numerator']:,.0f} counted "
            "incidents have moved it is uncertain by chance, and by more, since months scatter more than chance allows."
        )
    return _by_chance(question, indicator, facts)


def _by_chance(question: Question, indicator: Indicator, facts: dict[str, Any]) -> str:
    # Imported here, since this module imports scipy.
    from spi_pipeline.indicators.intervals import sampling_model

    model = sampling_model(indicator, question.contracts.vocabulary.units[indicator.unit])
    wilson = model == "proportion"
    name = "Wilson's, for a share" if wilson else "Byar's, for a rate of events, or below ten the exact one"
    base = f"{facts['denominator']:,.0f}"
    counted = f"a share of {base}" if facts["numerator"] is None else f"{facts['numerator']:,.0f} of {base}"
    widened = ", widened, since months scatter more than chance allows" if indicator.measure.window else ""
    return f"Chance in the count, {counted}: the interval is {name}{widened}."


def _shared_out(question: Question, indicator: Indicator, facts: dict[str, Any]) -> str:
    """The error from dividing small areas among wards, which ``lower`` and ``upper`` leave out."""
    if not facts["allocation_error"]:
        why = {"point": "each incident is placed by its coordinates", "ward": "figures are published by ward"}
        how = why.get(facts["allocation"], f"from {facts['allocation']}")
        return f"Nothing had to be shared out among wards: {how}."
    (area,) = question.rows("SELECT split_share, placed_by FROM area WHERE area_code = $area")
    wholes = {"output_areas": "output area", "best_fit": "LSOA"}
    share = (
        f" Each {wholes[area['placed_by']]} counts whole in the ward that it fits best, so that some residents of "
        f"{question.area_name} are counted in a neighbouring ward."
        if area["placed_by"] in wholes
        else f" {area['split_share']:.1%} of the residents of {question.area_name} come from small areas that wards "
        "share."
    )
    # Points place the counts of an anchored measure; only its level is shared out among wards.
    of = "the level" if indicator.measure.level else f"figures (from {facts['allocation']})"
    return (
        f"Sharing {of} out among wards adds a standard error of "
        f"{facts['allocation_error']:.3g} {facts['unit']}; the intervals of scores and ranks include it, that of the "
        f"value does not.{share}"
    )

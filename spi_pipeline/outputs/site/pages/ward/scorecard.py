"""The twelve components of a ward beside those of its peers, and their indicators beside England."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from spi_pipeline.outputs.site import drawing, figures, words
from spi_pipeline.outputs.site.pages.page import Site
from spi_pipeline.outputs.site.results import Area, Element, Row, by_area, records

# How a figure came to be used in the edition, where it is not of the edition's own year.
AGE = {
    "carried": "older, still in use", "held": "later, used for lack of an older one", "imputed": "estimated, not measured",
    "suppressed": "withheld: too little is known", "missing": "no figure",
}  # fmt: skip


@dataclass(frozen=True)
class Verdict:
    """What a difference from the peers amounts to.

    Attributes:
        symbol: that stands beside the words.
        words: in plain English.
        beyond: whether it is beyond chance.
    """

    symbol: str
    words: str
    beyond: bool = False


STRONG, WEAK = Verdict("▲", "stronger than its peers", True), Verdict("▼", "weaker than its peers", True)
VERDICTS = {
    "strength": Verdict("△", "perhaps stronger, within chance"), "weakness": Verdict("▽", "perhaps weaker, within chance"),
    "neutral": Verdict("=", "like its peers"),
}  # fmt: skip
NO_PEERS = Verdict("–", "no peers to compare with")


@dataclass(frozen=True)
class Strip:
    """All wards on a line from 0 to 100.

    Attributes:
        others: marks of all wards, a path.
        peers: of the peers.
        town: where the town stands.
        own: where the ward stands.
        low: lower end of its range.
        high: upper end.
    """

    others: str
    peers: str
    town: float | None
    own: float | None
    low: float | None
    high: float | None


def verdict(card: Row | None, score: Row) -> Verdict:
    """A strength is beyond chance where the ward's whole range of measurement lies above the middle of its peers."""
    if card is None:
        return NO_PEERS
    if card["verdict"] == "strength" and _known(score["measured_low"]) > card["peer_median"]:
        return STRONG
    if card["verdict"] == "weakness" and score["measured_high"] is not None:
        if score["measured_high"] < card["peer_median"]:
            return WEAK
    return VERDICTS[card["verdict"]]


def _known(value: float | None) -> float:
    return float("-inf") if value is None else value


class Scorecard:
    """Scorecards of all wards.

    Args:
        site: what the figures are taken from.
    """

    def __init__(self, site: Site) -> None:
        results = site.results
        self.site = site
        self.cards = {
            (code, row["id"]): row for code, rows in by_area(results.newest("scorecard")).items() for row in rows
        }
        self.values = {
            (code, row["indicator_id"]): row
            for code, rows in by_area(results.newest("observation")).items()
            for row in rows
        }
        self.facts = {row["indicator_id"]: row for row in records(results.tables["indicator"])}
        self.components = [element for element in results.elements.values() if element.level == "component"]
        self.marks = {
            element.id: drawing.ticks(
                (row["score"] for row in results.ranking(element.id) if row["score"] is not None), 7, 6
            )
            for element in self.components
        }

    def of(self, area: Area) -> Mapping[str, Any]:
        """What the page says: ``components``, ``peers``, ``strengths``, ``weaknesses`` and ``england``."""
        components = [self._component(area, element) for element in self.components]
        return {
            "components": components,
            "peers": self._peers(area),
            "measure": words.plain(self.site.results.contracts.context[self.site.results.contracts.peers.measure].title),
            "strengths": self._named(area, STRONG),
            "weaknesses": self._named(area, WEAK),
            "england": self._england(area),
        }  # fmt: skip

    def _peers(self, area: Area) -> list[Area]:
        card = self.cards.get((area.code, self.site.results.index.id))
        return [self.site.results.areas[code] for code in card["peers"].split(",")] if card else []

    def _component(self, area: Area, element: Element) -> dict[str, Any]:
        card = self.cards.get((area.code, element.id))
        score = self.site.results.scores[element.id, area.code]
        return {
            "element": element,
            "score": self.site.score(element, area),
            "range": self._between("score", score, "measured_low", "measured_high"),
            "rank": self.site.ranked(element, area),
            "median": self.site.figure("scorecard", card, "peer_median") if card else Markup("none"),
            "verdict": verdict(card, score),
            "strip": self._strip(element, score, card),
            "indicators": [self._indicator(area, item) for item in self.site.results.below(element.id)],
        }

    def _strip(self, element: Element, score: Row, card: Row | None) -> Strip:
        scores = self.site.results.scores
        peers = [scores[element.id, code]["score"] for code in (card["peers"].split(",") if card else [])]
        placed = [
            None if value is None else drawing.position(value)
            for value in (
                scores[element.id, self.site.results.town.code]["score"], score["score"], score["measured_low"],
                score["measured_high"],
            )
        ]  # fmt: skip
        return Strip(self.marks[element.id], drawing.ticks((one for one in peers if one is not None), 3, 14), *placed)

    def _indicator(self, area: Area, element: Element) -> dict[str, Any]:
        site, unit = self.site, self.facts[element.id]["unit"]
        row, town = (self.values.get((code, element.id)) for code in (area.code, site.results.town.code))
        score = site.results.scores[element.id, area.code]
        source = site.results.contracts.sources[self.facts[element.id]["source_id"]]
        return {
            "element": element,
            "value": self._value(row, unit),
            "range": self._between("observation", row, "lower", "upper", unit) if row else Markup(""),
            "count": self._count(row),
            "period": words.period(row["period_start"], row["period_end"]) if row and row["period_end"] else "",
            "age": AGE.get(row["status"], "") if row else AGE["missing"],
            "town": self._value(town, unit),
            "england": site.figure("score", score, "england_percentile", 0, "no figures for England"),
            "compared": score["england_percentile"] is not None,
            "place": drawing.position(score["england_percentile"]) if score["england_percentile"] is not None else None,
            "verdict": verdict(self.cards.get((area.code, element.id)), score),
            "source": source,
        }

    def _value(self, row: Row | None, unit: str) -> Markup:
        return self.site.amount("observation", row, "value", unit) if row else Markup("no figure")

    def _count(self, row: Row | None) -> Markup:
        if row is None or row["numerator"] is None:
            return Markup("")
        count = self.site.figure("observation", row, "numerator", 0)
        if row["denominator"] is None:
            return count
        return Markup("{} of {}").format(count, self.site.figure("observation", row, "denominator", 0))

    def _between(self, table: str, row: Row, low: str, high: str, unit: str | None = None) -> Markup:
        """A range in parentheses; nothing where there is none."""
        if row[low] is None or row[high] is None:
            return Markup("")
        if unit is None:
            ends = [self.site.figure(table, row, end) for end in (low, high)]
        else:
            ends = [self.site.amount(table, row, end, unit) for end in (low, high)]
        return Markup("({} to {})").format(*ends)

    def _named(self, area: Area, wanted: Verdict) -> Markup:
        """The components in which a ward is strong or weak beyond chance, or, where none is, the best or worst."""
        word, end = ("strength", "best") if wanted is STRONG else ("weakness", "worst")
        rows = [(element, self.site.results.scores[element.id, area.code]) for element in self.components]
        found = [
            (element, card)
            for element, score in rows
            if (card := self.cards.get((area.code, element.id))) is not None and verdict(card, score) is wanted
        ]
        if found:
            found.sort(key=lambda pair: -abs(pair[1]["difference"]))
            said = [
                Markup("{} ({} points {} the middle of its peers)").format(
                    element.title, self.site.figure("scorecard", card, "difference", how="size"),
                    "above" if wanted is STRONG else "below",
                )
                for element, card in found
            ]  # fmt: skip
            return Markup("{}.").format(words.listed_markup(said))
        ranked = [(score["rank"], element) for element, score in rows if score["rank"] is not None]
        if not ranked:
            return Markup("No {} can be named: it has no scores.").format(word)
        _, chosen = (min if wanted is STRONG else max)(ranked, key=lambda pair: pair[0])
        return Markup("No {} beyond chance; {} is {}, {} of {}’s wards.").format(
            word, end, chosen.title, self.site.ranked(chosen, area), self.site.results.town.name
        )

    def _england(self, area: Area) -> Markup:
        """In how many indicators the ward does better than half of England's wards, and in which best and worst."""
        rows = [
            (element, row)
            for element in self.site.results.elements.values()
            if element.level == "indicator"
            if (row := self.site.results.scores[element.id, area.code])["england_percentile"] is not None
        ]
        if not rows:
            return Markup("No figures for England are at hand.")
        key = {
            "edition": self.site.results.edition, "profile": self.site.results.profile, "area_code": area.code,
            "level": "indicator",
        }  # fmt: skip
        better = sum(row["england_percentile"] > 50 for _, row in rows)
        rows.sort(key=lambda pair: pair[1]["england_percentile"])
        ends = [
            (words.plain(element.title), self.site.figure("score", row, "england_percentile", 0))
            for element, row in (rows[-1], rows[0])
        ]
        return Markup(
            "In {} of {} indicators with figures for England it does better than half of England’s wards. It does best in "
            "“{}”, better than {} of 100 wards, and worst in “{}”, better than {} of 100."
        ).format(
            figures.counted(better, "score", "england_percentile > 50", **key),
            figures.counted(len(rows), "score", "england_percentile >= 0", **key),
            *ends[0], *ends[1],
        )  # fmt: skip

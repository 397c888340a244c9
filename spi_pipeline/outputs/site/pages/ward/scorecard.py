"""The section on the twelve components of a ward next to those of its peers, and their indicators next to England."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from spi_pipeline.outputs.duckdb_file import literal
from spi_pipeline.outputs.site import drawing, figures, words
from spi_pipeline.outputs.site.figures import declared
from spi_pipeline.outputs.site.pages.page import Site
from spi_pipeline.outputs.site.results import Area, Element, Row, by_area, records

# The origin of a figure, if it is not from the edition's own year.
AGE = {
    "carried": "older, still in use", "held": "later, used for lack of an older one",
    "imputed": "estimated, not measured", "suppressed": "withheld: too few, or too little known",
    "missing": "no figure",
}  # fmt: skip


@dataclass(frozen=True)
class Verdict:
    """The meaning of a difference from the peers.

    Attributes:
        symbol: the symbol next to the words.
        words: the verdict in plain English.
        beyond: whether it is beyond chance.
    """

    symbol: str
    words: str
    beyond: bool = False


STRONG, WEAK = Verdict("▲", "stronger than its peers", True), Verdict("▼", "weaker than its peers", True)
VERDICTS = {
    "strength": Verdict("△", "perhaps stronger, within chance"),
    "weakness": Verdict("▽", "perhaps weaker, within chance"),
    "neutral": Verdict("=", "like its peers"),
}  # fmt: skip
NO_PEERS = Verdict("–", "no peers to compare with")


@dataclass(frozen=True)
class Strip:
    """All wards on a line from 0 to 100.

    Attributes:
        others: the marks of all wards, as a path.
        peers: the marks of the peers, as a path.
        town: the position of the town.
        own: the position of the ward.
        low: the lower end of its range.
        high: the upper end of its range.
    """

    others: str
    peers: str
    town: float | None
    own: float | None
    low: float | None
    high: float | None


def verdict(card: Row | None, score: Row) -> Verdict:
    """The verdict; it is beyond chance if the whole range of measurement lies above or below the peers' middle."""
    if card is None:
        return NO_PEERS
    low, high, middle = score["measured_low"], score["measured_high"], card["peer_median"]
    if card["verdict"] == "strength" and low is not None and low > middle:
        return STRONG
    if card["verdict"] == "weakness" and high is not None and high < middle:
        return WEAK
    return VERDICTS[card["verdict"]]


def strong_or_weak(site: Site) -> Markup:
    """The two tests of ``verdict``, in words for readers."""
    floor = site.results.contracts.peers.floor
    return Markup(
        "A ward is called strong where it passes two tests. It must lie further above the middle of its peers than "
        "they lie from that middle on average, and by more than {} {}. And its whole range of measurement must lie "
        "above the middle. Where it passes the first alone, we say “perhaps”; where not even that, it is like its "
        "peers. Weak means the same, below."
    ).format(
        declared(floor, "context.yaml peers floor", 0 if floor % 1 == 0 else 1), "point" if floor == 1 else "points"
    )


class Scorecard:
    """Scorecards of all wards.

    Args:
        site: the site.
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
        self.shown = [element for element in results.elements.values() if element.level in ("dimension", "component")]
        self.marks = {
            element.id: drawing.ticks(
                (row["score"] for row in results.ranking(element.id) if row["score"] is not None), 7, 6
            )
            for element in self.shown
        }

    def of(self, area: Area) -> Mapping[str, Any]:
        """The section: ``parts`` (dimensions and components), ``peers``, the ``tests`` against them, and England."""
        return {
            "parts": [self._part(area, element) for element in self.shown],
            "count": len(self.components),
            "peers": self._peers(area),
            "tests": strong_or_weak(self.site),
            "strengths": self._named(area, STRONG),
            "weaknesses": self._named(area, WEAK),
            "england": self._england(area),
        }  # fmt: skip

    def _peers(self, area: Area) -> Markup:
        """The names of its peers, each a link to the page next to this one."""
        results = self.site.results
        card = self.cards.get((area.code, results.index.id))
        if card is None:
            return Markup("It has no peers: the figure by which they are chosen is not known here.")
        peers = (results.areas[code] for code in card["peers"].split(","))
        return Markup("Its peers are the wards of {} nearest to it in “{}”: {}.").format(
            results.town.name, words.plain(results.contracts.context[results.contracts.peers.measure].title),
            words.listed_markup([Markup('<a href="{}.html">{}</a>').format(peer.slug, peer.name) for peer in peers]),
        )  # fmt: skip

    def _part(self, area: Area, element: Element) -> dict[str, Any]:
        card = self.cards.get((area.code, element.id))
        score = self.site.results.scores[element.id, area.code]
        return {
            "element": element,
            "score": self.site.score(element, area),
            "range": self.site.between("score", score, "measured_low", "measured_high"),
            "rank": self.site.rank(element, area),
            "median": self.site.figure("scorecard", card, "peer_median") if card else Markup("none"),
            "verdict": verdict(card, score),
            "strip": self._strip(element, score, card),
            "age": self._age(score),
            "indicators": [
                self._indicator(area, item) for item in self.site.results.below(element.id) if item.level == "indicator"
            ],
        }

    def _age(self, score: Row) -> Markup:
        """The age of the figures behind a score."""
        if score["newest_period"] is None:
            return Markup("It is not known how old its figures are.")
        return Markup(
            "On {}, when they were taken, its figures were {} years old on average; the newest bear the year {}."
        ).format(
            words.day(self.site.results.as_of), self.site.figure("score", score, "age_years"),
            score["newest_period"].year,
        )  # fmt: skip

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
        return Strip(
            self.marks[element.id],
            drawing.ticks((score_of_peer for score_of_peer in peers if score_of_peer is not None), 3, 14),
            *placed,
        )

    def _indicator(self, area: Area, element: Element) -> dict[str, Any]:
        site, unit = self.site, self.facts[element.id]["unit"]
        row, town = (self.values.get((code, element.id)) for code in (area.code, site.results.town.code))
        score = site.results.scores[element.id, area.code]
        source = site.results.contracts.sources[self.facts[element.id]["source_id"]]
        return {
            "element": element,
            "value": self._value(row, unit),
            "range": site.between("observation", row, "lower", "upper", unit) if row else Markup(""),
            "count": self._count(row),
            "period": site.when(row) if row else "",
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
        if self.site.results.contracts.indicators[row["indicator_id"]].measure.kind == "anchored":
            return Markup("{}, which only say how the rate moved since it was published").format(count)
        if row["denominator"] is None:
            return count
        return Markup("{} of {}").format(count, self.site.figure("observation", row, "denominator", 0))

    def _named(self, area: Area, wanted: Verdict) -> Markup:
        """The components in which a ward is strong or weak beyond chance or, without any, its best or worst."""
        word, end = ("strength", "best") if wanted is STRONG else ("weakness", "worst")
        rows = [(element, self.site.results.scores[element.id, area.code]) for element in self.components]
        found = [
            (element, card)
            for element, score in rows
            if (card := self.cards.get((area.code, element.id))) is not None and verdict(card, score) is wanted
        ]
        if found:
            found.sort(key=lambda pair: -abs(pair[1]["difference"]))
            return Markup("{}.").format(words.listed_markup([self._with_distance(*pair) for pair in found]))
        return Markup("No {} beyond chance; {}.").format(word, self._extreme(area, rows, end))

    def _with_distance(self, element: Element, card: Row) -> Markup:
        return Markup("{} ({} points {} the middle of its peers)").format(
            element.title, self.site.figure("scorecard", card, "difference", how="size"),
            "above" if card["difference"] > 0 else "below",
        )  # fmt: skip

    def _extreme(self, area: Area, rows: list[tuple[Element, Row]], end: str) -> Markup:
        """The best or worst component by its distance from the peers, or by rank without peers."""
        choose = max if end == "best" else min
        carded = [(element, card) for element, _ in rows if (card := self.cards.get((area.code, element.id)))]
        if carded:
            return Markup("{} is {}").format(
                end, self._with_distance(*choose(carded, key=lambda pair: pair[1]["difference"]))
            )
        ranked = [(element, row) for element, row in rows if row["rank"] is not None]
        if not ranked:
            return Markup("it has no scores")
        element, _ = choose(ranked, key=lambda pair: -pair[1]["rank"])
        return Markup("{} is {}, {}").format(end, element.title, self.site.rank(element, area))

    def _england(self, area: Area) -> Markup:
        """The number of indicators in which the ward beats half of England's wards, with the best and the worst."""
        rows = [
            (element, row)
            for element in self.site.results.elements.values()
            if element.level == "indicator"
            if (row := self.site.results.scores[element.id, area.code])["england_percentile"] is not None
        ]
        if not rows:
            return Markup("There are no figures for England.")
        of_ward = (
            f"SELECT count(*) FROM score WHERE level = 'indicator' AND edition = {self.site.results.edition} "
            f"AND profile = {literal(self.site.results.profile)} AND area_code = {literal(area.code)}"
        )
        better = sum(row["england_percentile"] > 50 for _, row in rows)
        rows.sort(key=lambda pair: pair[1]["england_percentile"])
        ends = [
            (words.plain(element.title), self.site.figure("score", row, "england_percentile", 0))
            for element, row in (rows[-1], rows[0])
        ]
        return Markup(
            "In {} of {} indicators with figures for England it does better than half of England’s wards. "
            "It does best in “{}”, better than {} of 100 wards, and worst in “{}”, better than {} of 100."
        ).format(
            figures.derived(better, f"{of_ward} AND england_percentile > 50"),
            figures.derived(len(rows), f"{of_ward} AND england_percentile IS NOT NULL"),
            *ends[0], *ends[1],
        )  # fmt: skip

"""The page of an area of the council's own: residents, comparison with wards and town, withheld figures."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from markupsafe import Markup

from spi_pipeline.engine.intervals import Z95
from spi_pipeline.outputs.duckdb_file import literal
from spi_pipeline.outputs.site import drawing, words
from spi_pipeline.outputs.site.figures import declared, named
from spi_pipeline.outputs.site.pages.page import Page, Site
from spi_pipeline.outputs.site.pages.ward import dated
from spi_pipeline.outputs.site.pages.ward.scorecard import AGE, STRONG, VERDICTS, WEAK, Verdict, verdict
from spi_pipeline.outputs.site.results import Element, Row, by_area

# A ward is compared with its peers, an area of the council's own with all wards.
AGAINST_WARDS = {
    STRONG: Verdict("▲", "stronger than the middle ward", True),
    WEAK: Verdict("▼", "weaker than the middle ward", True),
    VERDICTS["neutral"]: Verdict("=", "like the wards"),
}
NO_SCORE = Verdict("–", "no score")
NO_WARDS = Verdict("–", "no wards to compare with")
DRAWN = {
    "outline": "It is drawn as an outline on the map.",
    "postcodes": "It is drawn as a list of postcodes.",
    "codes": "It is drawn as a list of small areas or wards.",
}
SIGNS = {"better": "▲", "worse": "▼", "too near to tell": "?"}
# The files for download, and the table of each.
TABLES = {"scores": "own_area_score", "values of indicators": "own_area_value"}


def own_area(site: Site) -> Iterator[Page]:
    """A page for each area of the council's own; none if it defined none."""
    results = site.results
    shared = by_area(results.tables["own_area_overlap"], "own_area")
    scores, values = (by_area(results.newest(table), "own_area") for table in TABLES.values())
    for row in results.own_areas:
        name = row["own_area"]
        area = OwnArea(
            site, row, shared[name],
            {one["id"]: one for one in scores.get(name, [])},
            {one["indicator_id"]: one for one in values.get(name, []) if one["indicator_id"] in results.elements},
        )  # fmt: skip
        yield Page(
            path=f"areas/{name}.html",
            template="own_area.html",
            title=f"{row['area_name']}: an area of {results.town.name}",
            description=f"{row['area_name']}, an area across wards of {results.town.name}: its score for social "
            "progress, the rank it would take among the wards, and every figure behind it.",
            content=area.content(),
            section="wards/index.html",
        )


class OwnArea:
    """The content of the page of one area.

    Args:
        site: the site.
        row: its row of the table ``own_area``.
        shared: its rows of the table ``own_area_overlap``.
        scores: its rows of the table ``own_area_score`` in the newest edition, by element.
        values: its rows of the table ``own_area_value`` in the newest edition, by indicator.
    """

    def __init__(
        self, site: Site, row: Row, shared: list[Row], scores: Mapping[str, Row], values: Mapping[str, Row]
    ) -> None:
        self.site, self.row, self.name = site, row, row["area_name"]
        self.shared, self.scores, self.values = shared, scores, values

    def content(self) -> Mapping[str, Any]:
        """The values that the template shows."""
        elements = self.site.results.elements.values()
        return {
            "area": self.row,
            "summary": self._summary(),
            "sure": self._range_meaning(),
            "dated": dated(self.site),
            "lies": self._how_drawn(),
            **self._drawn(),
            "wards": [self._ward(one) for one in self.shared if one["kind"] == "ward"],
            "others": [self._other(one) for one in self.shared if one["kind"] == "own_area"],
            "thin": self._thin(),
            "strengths": self._named(STRONG),
            "weaknesses": self._named(WEAK),
            "parts": [self._part(one) for one in elements if one.level in ("dimension", "component")],
            "withheld": self._titles(lambda one: one["status"] == "suppressed"),
            "missing": self._titles(lambda one: one["status"] == "missing"),
            "estimated": self._titles(lambda one: one["estimated"]),
            "files": [
                (held, path)
                for held, table in TABLES.items()
                if (path := f"downloads/{table}.csv") in {one.path for one in self.site.downloads}
            ],
        }

    def _score(self, row: Row, column: str, how: str = "") -> Markup:
        return self.site.figure("own_area_score", row, column, how=how)

    def _people(self, row: Row, column: str) -> Markup:
        return self.site.figure("own_area_overlap", row, column, 0)

    def _summary(self) -> Markup:
        """The number of residents, its score and the rank it would take."""
        results, index = self.site.results, self.site.results.index
        residents = Markup("{} people lived in {} when the census of 2021 was taken.").format(
            self.site.figure("own_area", self.row, "residents", 0), self.name
        )
        row = self.scores.get(index.id)
        if row is None:
            return Markup("{} It has no score in edition {}: too little is known of it.").format(
                residents, results.edition
            )
        return Markup(
            "{} It scores {} of 100 for social progress in edition {}, likely {} to {}; {} as a whole scores {}. "
            "Set among the wards it would rank {}, of {}."
        ).format(
            residents, self._score(row, "score"), results.edition, self._score(row, "score_low"),
            self._score(row, "score_high"), results.town.name, self.site.score(index, results.town),
            self.site.ranked("own_area_score", row, "place"),
            self.site.figure("own_area_score", row, "among", 0),
        )  # fmt: skip

    def _range_meaning(self) -> Markup:
        """The meaning of the range of its score."""
        row = self.scores.get(self.site.results.index.id)
        if row is None:
            return Markup("")
        return Markup(
            "The likely range of its score covers all that is in doubt, even how the index is formed. By errors of "
            "its own figures alone the score is likely {} to {}."
        ).format(self._score(row, "measured_low"), self._score(row, "measured_high"))

    def _how_drawn(self) -> Markup:
        """How it is drawn, and the share of its residents that is placed by estimate."""
        drawn = Markup(DRAWN[self.row["drawn_by"]])
        if not self.row["split_share"]:
            return drawn
        return Markup("{} {}% of its residents come from small areas that lie partly in it; how many of them live in "
                      "it is estimated.").format(
            drawn, self.site.figure("own_area", self.row, "split_share", how="percent")
        )  # fmt: skip

    def _drawn(self) -> Mapping[str, Any]:
        """A map of the wards it overlaps, with its outline; only for areas drawn as an outline."""
        # The tables still hold areas that were removed from the contracts since the last refresh.
        area = self.site.results.contracts.own_areas.get(self.row["own_area"])
        if area is None or area.outline is None or self.site.map is None:
            return {"map": None}
        codes = {one["other"] for one in self.shared if one["kind"] == "ward"}
        return {"map": drawing.around(self.site.map, codes), "upon": drawing.upon(self.site.map, area.outline)}

    def _ward(self, row: Row) -> Mapping[str, Any]:
        return {
            "ward": self.site.results.areas[row["other"]],
            "shared": self._people(row, "shared"),
            "left": self._people(row, "other_less_area"),
        }

    def _other(self, row: Row) -> Mapping[str, Any]:
        return {"id": row["other"], "name": row["other_name"], "shared": self._people(row, "shared")}

    def _thin(self) -> list[Markup]:
        """The differences so small that figures of both areas would reveal a few people, each once."""
        sentences: dict[tuple[str, float], Markup] = {}
        for row in self.shared:
            if row["thin"]:
                # The same few people may separate it from one ward and from all wards in or next to it; name them once.
                few = min("area_less_other", "other_less_area", key=lambda column: (row[column] < 1, row[column]))
                sentences.setdefault((few, row[few]), self._few(row, few))
        return list(sentences.values())

    def _few(self, row: Row, column: str) -> Markup:
        there, not_there = (self.name, row["other_name"])[:: 1 if column == "area_less_other" else -1]
        return Markup("{} and {} are nearly one: {} people live in {} and not in {}, fewer than {}.").format(
            self.name, row["other_name"], self._people(row, column), there, not_there,
            declared(self.site.results.contracts.framework.publication.residents,
                   "framework.yaml publication residents"),
        )  # fmt: skip

    def _named(self, wanted: Verdict) -> Markup:
        """The components in which it is strong or weak beyond chance, the largest difference first."""
        rows = [(component, self.scores[component.id]) for component in self.site.results.elements.values()
                if component.level == "component" and component.id in self.scores]  # fmt: skip
        pairs = [(component, row) for component, row in rows if _verdict(row) is AGAINST_WARDS[wanted]]
        if not pairs:
            return Markup("Nothing beyond chance.")
        pairs.sort(key=lambda pair: -abs(pair[1]["difference"]))
        return Markup("{}.").format(
            words.listed_markup(
                [
                    Markup("{} ({} points {} the middle ward)").format(
                        component.title, self._score(row, "difference", "size"),
                        "above" if row["difference"] > 0 else "below",
                    )
                    for component, row in pairs
                ]
            )
        )  # fmt: skip

    def _part(self, element: Element) -> Mapping[str, Any]:
        row, town = self.scores.get(element.id), self.site.results.town
        return {
            "element": element,
            "verdict": NO_SCORE if row is None else _verdict(row),
            "score": Markup("no score") if row is None else self._score(row, "score"),
            "range": Markup("")
            if row is None
            else self.site.between("own_area_score", row, "measured_low", "measured_high"),
            "middle": Markup("no score") if row is None else self._score(row, "ward_median"),
            "town": self.site.score(element, town),
            "rank": self._rank(element),
            "indicators": [
                self._indicator(one, self.values[one.id])
                for one in self.site.results.below(element.id)
                if one.id in self.values
            ],
        }

    def _rank(self, element: Element) -> Markup:
        row = self.scores.get(element.id)
        return Markup("no rank") if row is None else self.site.ranked("own_area_score", row, "place")

    def _indicator(self, element: Element, row: Row) -> Mapping[str, Any]:
        results, unit = self.site.results, self.site.results.indicators[element.id]["unit"]
        town = results.observations.get((element.id, results.town.code, results.edition))
        notes = [AGE.get(row["status"], ""), "in part of whole wards" if row["estimated"] else ""]
        return {
            "element": element,
            "value": self.site.amount("own_area_value", row, "value", unit),
            "range": self.site.between("own_area_value", row, "lower", "upper", unit),
            "town": self.site.amount("observation", town, "value", unit) if town else Markup("no figure"),
            "beside": self._against_town(element, row, town),
            "when": "; ".join(filter(None, [self.site.when(row), *notes])),
            "rank": self._rank(element),
            "source": results.contracts.sources[row["source_id"]],
        }

    def _against_town(self, element: Element, row: Row, town: Row | None) -> Markup:
        """Whether it differs from the town by more than the uncertainty of its value, including that of its edges."""
        if row["value"] is None or town is None or town["value"] is None:
            return Markup("– cannot be told")
        sign = -1 if self.site.results.indicators[element.id]["direction"] == "lower_is_better" else 1
        edges = Z95 * row["allocation_error"]
        ends = [sign * row[end] for end in ("lower", "upper")]
        middle = sign * town["value"]
        outcome = (
            "better" if min(ends) - edges > middle else "worse" if max(ends) + edges < middle else "too near to tell"
        )
        query = f"""
            SELECT CASE WHEN least(sign * lower, sign * upper) - edges > sign * middle THEN 'better'
                WHEN greatest(sign * lower, sign * upper) + edges < sign * middle THEN 'worse'
                ELSE 'too near to tell' END
            FROM (SELECT o.lower, o.upper, {Z95} * o.allocation_error AS edges, t.value AS middle,
                    if(direction = 'lower_is_better', -1, 1) AS sign
                FROM own_area_value o JOIN observation t USING (indicator_id, edition)
                    JOIN indicator USING (indicator_id)
                WHERE own_area = {literal(row["own_area"])} AND indicator_id = {literal(element.id)}
                    AND edition = {row["edition"]} AND t.area_code = {literal(town["area_code"])})"""
        return Markup('<span aria-hidden="true">{}</span> {}').format(SIGNS[outcome], named(outcome, outcome, query))

    def _titles(self, of: Callable[[Row], bool]) -> list[Element]:
        """The indicators whose rows meet a condition."""
        return [self.site.results.elements[name] for name, row in self.values.items() if of(row)]


def _verdict(row: Row) -> Verdict:
    if row["verdict"] is None:
        return NO_WARDS
    ward_verdict = verdict({"verdict": row["verdict"], "peer_median": row["ward_median"]}, row)
    return AGAINST_WARDS.get(ward_verdict, ward_verdict)

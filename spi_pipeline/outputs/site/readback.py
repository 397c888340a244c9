"""Reads a finished site back: checks every number, area, measure and direction on its pages against the tables.

It shares no code with the modules that make pages: lxml parses the pages, tables come from the published database,
names from the contracts as YAML. The markup may contain:

* ``data-from="TABLE.COLUMN" data-key="COLUMN=VALUE;…" data-digits="N"``: a cell that holds a number. ``data-how`` says
  how the number becomes text: ``signed``, ``size``, ``whole``, ``percent``, ``thousands``, ``millions``, ``ordinal``.
* the same without ``data-digits``: a cell that holds a word, and the text says so in a sentence (``DIRECTIONS``).
* ``data-query="SELECT …"``: the answer of the published database to the query; a number if there are ``data-digits``,
  otherwise the code or id of the thing named.
* ``data-count="TABLE" data-key="…" data-where="…"``: the number of rows that match.
* ``data-declared="FILE NAME …"``: a number in a contract; ``data-file="PATH"``: the size of a file of the site, bytes.
* ``data-reach="LEVEL.END"``: the best or the worst rank under any weights of the parts of a level, from the engine.
* ``data-sum="12.5*0.25"``: plain arithmetic over unrounded numbers.
* ``data-map="ID"`` on the SVG of a map: label and colour of each ward in it.

Any other number in the text of ``main`` is a fault, unless it is part of a name or a definition, or ``ALLOWED``.
"""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import duckdb
from lxml import html

from spi_pipeline.outputs.site.facts import Facts, as_text

# Words that a text may use for a cell that holds this word; a text that also uses words of the opposite is a fault.
UP = r"\b(rose|risen|gained|more|higher|above|up|longer|greater|better)\b"
DOWN = r"\b(fell|fallen|lost|less|lower|below|fewer|down|shorter|worse)\b"
DIRECTIONS = {
    "rose": (UP, DOWN), "rise": (UP, DOWN), "fell": (DOWN, UP), "fall": (DOWN, UP), "more than suggested": (UP, DOWN),
    "less than suggested": (DOWN, UP),
}  # fmt: skip
MONTH = r"(?:January|February|March|April|May|June|July|August|September|October|November|December)"
ALLOWED = re.compile(
    rf"\b\d{{1,2}} {MONTH} \d{{4}}\b"  # a day
    r"|\b(?:19|20)\d\d(?:/\d\d|-(?:0[1-9]|1[0-2])(?:-\d\d)?)?\b"  # a year, a month or day of ISO
    r"|\b(?:of|to|scores|below|above) 100\b|\b100 ×|(?<![\d.,])0(?![\d,]|\.\d)"  # the scale and its ends
    r"|\bper 1,000\b|\bWard [1-4]\b"  # a rate, a field of a form
    r"|\b9[05] ?%"  # the level of intervals
    r"|\b(?:v|WCAG |WGS|RFC |SHA-|PDF/UA-|OGL-UK-|version )\d+(?:\.\d+)*\b"  # a standard or licence
)
DIGIT = re.compile(r"\d")
QUOTED = {"script", "style", "svg", "code", "pre", "kbd", "time", "data", "blockquote", "q", "cite"}
BLOCKS = {"p", "li", "td", "th", "dd", "dt", "h1", "h2", "h3", "h4", "caption", "figcaption", "summary", "div"}
# The limits between colours, in points from the town's score, as in the key of the map.
COLOURS = (-15, -5, 5, 15)
OPERATORS = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}  # fmt: skip


@dataclass(frozen=True)
class Read:
    """The outcome of reading a page back.

    Attributes:
        faults: a sentence for each fault.
        numbers: how many numbers and words were looked up.
        wards: how many wards on maps were checked.
    """

    faults: list[str]
    numbers: int
    wards: int


def read_page(path: str, tree: html.HtmlElement, facts: Facts, sizes: Mapping[str, int]) -> Read:
    """Read one page back.

    Args:
        path: its path below the site's folder.
        tree: the page, parsed.
        facts: the facts to check it against.
        sizes: the size of every file of the site in bytes, by path.
    """
    page = Page(path, tree, facts, sizes)
    return Read(list(page.faults()), len(page.main.findall(".//data")), len(page.main.xpath(".//*[@data-map]//a")))


@dataclass(frozen=True)
class Page:
    """A page that is being read.

    Attributes:
        path: its path below the site's folder.
        tree: the page, parsed.
        facts: the facts to check it against.
        sizes: the size of every file of the site in bytes, by path.
    """

    path: str
    tree: html.HtmlElement
    facts: Facts
    sizes: Mapping[str, int]

    @cached_property
    def main(self) -> html.HtmlElement:
        """The content of the page, without its menu and footer."""
        (main,) = self.tree.xpath("//main")
        return main

    @cached_property
    def heading(self) -> str:
        """The heading of the page; cached, since a search for each number would walk the whole page."""
        return normalised(" ".join(heading.text_content() for heading in self.tree.iter("h1")))

    def faults(self) -> Iterator[str]:
        """A sentence for each fault."""
        for node in self.main.iter("data"):
            yield from (f"“{text(node)}” in “{text(block(node))[:120]}”: {fault}" for fault in self._datum(node))
        for drawn in self.main.xpath(".//*[@data-map]"):
            yield from self._map(drawn)
        yield from self._loose()

    def _datum(self, node: html.HtmlElement) -> Iterator[str]:
        """The faults of one number or word."""
        try:
            actual = self._actual(node)
        except (LookupError, duckdb.Error, SyntaxError, ValueError) as error:
            yield f"cannot be looked up ({type(error).__name__}: {str(error)[:120]})"
            return
        digits = node.get("data-digits")
        if digits is None and "data-count" not in node.attrib:
            yield from self._word(node, actual)
            return
        if not math.isclose(float(node.get("value")), float(actual), rel_tol=1e-12, abs_tol=1e-12):
            yield f"value is {node.get('value')}, the tables say {actual}"
        yield from number_faults(text(node), float(actual), int(digits or 0), node.get("data-how", ""))
        yield from self._named(node)
        yield from self._direction(node, float(actual))

    def _actual(self, node: html.HtmlElement) -> Any:
        key = row_key(node)
        if "data-from" in node.attrib:
            table, column = node.get("data-from").split(".")
            rows = self.facts.rows(table, key)
            if len(rows) != 1 or rows[0][column] is None:
                raise LookupError(f"{len(rows)} rows of {table} with {key}" if len(rows) != 1 else "no value")
            return rows[0][column]
        if "data-query" in node.attrib:
            return self.facts.answer(node.get("data-query"))
        if "data-count" in node.attrib:
            table = self.facts.connection.execute(f'FROM "{node.get("data-count")}"').df()
            for column, value in key.items():
                table = table[table[column].astype(str) == value]
            return len(table.query(node.get("data-where")) if node.get("data-where") else table)
        if "data-declared" in node.attrib:
            return self.facts.declared(node.get("data-declared"))
        if "data-file" in node.attrib:
            return self.sizes[node.get("data-file")]
        if "data-reach" in node.attrib:
            level, end = node.get("data-reach").split(".")
            return self.facts.reach(level, key["edition"], key["profile"])[key["area_code"]][end]
        if "data-sum" in node.attrib:
            return evaluated(ast.parse(node.get("data-sum"), mode="eval").body)
        raise ValueError("does not say where it comes from")

    def _word(self, node: html.HtmlElement, actual: object) -> Iterator[str]:
        value, shown = node.get("value"), text(node)
        if value != as_text(actual):
            yield f"is {value}, the tables say {actual}"
        elif value in DIRECTIONS:
            same, opposite = DIRECTIONS[value]
            if not re.search(same, shown, re.I) or re.search(opposite, shown, re.I):
                yield f"does not say that it {value}"
        elif "data-query" in node.attrib and normalised(shown) not in name_forms(self.facts.names.get(value, value)):
            yield f"is called {self.facts.names.get(value, value)}"

    def _named(self, node: html.HtmlElement) -> Iterator[str]:
        """The area and the measure of a number must be named near it; without a measure the index is meant."""
        key = row_key(node)
        # An area of the council's own may have the id of an element, so its names are kept apart.
        places = {"own_area": self.facts.own_areas}
        places["other"] = self.facts.own_areas if key.get("kind") == "own_area" else self.facts.names
        for column in ("area_code", "own_area", "other", "id", "indicator_id", "measure_id"):
            name = places.get(column, self.facts.names).get(key.get(column, ""))
            if name is not None and key[column] != self.facts.yaml["framework.yaml"]["id"]:
                names = tuple(name_forms(name))
                if any(spelling in self.heading for spelling in names):
                    continue
                if not any(
                    spelling in surrounding for surrounding in map(normalised, context(node)) for spelling in names
                ):
                    yield f"“{name}” is not named around it"

    def _direction(self, node: html.HtmlElement, actual: float) -> Iterator[str]:
        """A size without its sign must have a word for its direction next to it."""
        if node.get("data-how") not in ("size", "whole") or not round(actual, int(node.get("data-digits"))):
            return
        words = UP if actual > 0 else DOWN
        if node.get("data-from", "").startswith("what_would_it_take."):
            # Its sign says whether anything is needed; another column says in which direction.
            words = (
                rf"\b{self.facts.rows('what_would_it_take', row_key(node))[0]['way']}\b"
                if actual > 0
                else r"\bbetter\b"
            )
        if not re.search(words, text(block(node)), re.I):
            yield f"{actual} without a word for its direction"

    def _map(self, drawn: html.HtmlElement) -> Iterator[str]:
        """The label and the colour of each ward must match the tables."""
        edition, profile = self.facts.newest
        key = {"id": drawn.get("data-map"), "edition": drawn.get("data-edition", str(edition)), "profile": profile}
        codes = {row["area_name"]: row["area_code"] for row in self.facts.table("area") if row["level"] == "ward"}
        town = next(row["area_code"] for row in self.facts.table("area") if row["level"] == "authority")
        (of_town,) = self.facts.rows("score", {**key, "area_code": town})
        labels = {}
        for ward in drawn.iter("a"):
            name, _, label = ward.get("aria-label").partition(":")
            labels[name] = label.strip()
            row = next(iter(self.facts.rows("score", {**key, "area_code": codes.get(name, "")})), None)
            if row is None:
                yield f"map: no ward “{name}” in the tables"
                continue
            expected = "no rank"
            if row["rank"] is not None:
                ends = dict.fromkeys(ordinal(row[column]) for column in ("rank_low", "rank_high"))
                expected = f"{ordinal(row['rank'])}, likely {' to '.join(ends)}"
            if not label.strip().endswith(expected):
                yield f"map: {name} is “{label.strip()}”, the tables say “{expected}”"
            better = row["score"] is not None and sum(row["score"] - of_town["score"] >= limit for limit in COLOURS)
            place = "none" if row["score"] is None else f"c{better}"
            if place not in next(ward.iter("path")).get("class", "").split():
                yield f"map: {name} does not have the colour {place}"
        if missing := codes.keys() - labels.keys():
            yield f"map: {', '.join(sorted(missing))} missing"

    def _loose(self) -> Iterator[str]:
        """Numbers without markup for their origin."""
        for node in self.main.iter():
            if not isinstance(node.tag, str):
                continue
            pieces = [piece for piece in (node.text, *(child.tail for child in node)) if piece and DIGIT.search(piece)]
            if not pieces or any(ancestor.tag in QUOTED for ancestor in (node, *node.iterancestors())):
                continue
            for piece in pieces:
                sentence = " ".join(piece.split())
                if not DIGIT.search(ALLOWED.sub("", sentence)) or sentence in self.facts.published_texts:
                    continue
                left = ALLOWED.sub("", self.facts.quotable.sub("", sentence))
                if number := re.search(r"\S*\d\S*", left):
                    yield f"the number {number.group()} in “{sentence[:120]}” does not say where it comes from"


def text(node: html.HtmlElement) -> str:
    """The words of a node, separated by single spaces."""
    return " ".join(node.text_content().split())


def row_key(node: html.HtmlElement) -> dict[str, str]:
    """The columns that identify a row, and their values."""
    pairs = (
        (pair.partition("=")[0], pair.partition("=")[2]) for pair in node.get("data-key", "").split(";") if "=" in pair
    )
    return dict(pairs)


def block(node: html.HtmlElement) -> html.HtmlElement:
    """The sentence or cell that contains a number."""
    return next(ancestor for ancestor in node.iterancestors() if ancestor.tag in BLOCKS or ancestor.tag == "main")


def context(node: html.HtmlElement) -> Iterator[str]:
    """The texts that may name the subject of a number, besides the page's heading: sentence, row, column, caption."""
    for ancestor in node.iterancestors():
        if ancestor.tag in BLOCKS - {"div"} or ancestor.tag in ("tr", "figure", "dl", "summary"):
            yield ancestor.text_content()
        if ancestor.tag in ("td", "th"):
            place = sum(int(cell.get("colspan", 1)) for cell in ancestor.itersiblings("td", "th", preceding=True))
            for row in ancestor.xpath("ancestor::table[1]/thead/tr"):
                at = 0
                for cell in row:
                    at += int(cell.get("colspan", 1))
                    if at > place:
                        yield cell.text_content()
                        break
        if ancestor.tag == "table":
            yield from (caption.text_content() for caption in ancestor.iter("caption"))
        if ancestor.tag == "details":
            yield from (summary.text_content() for summary in ancestor.findall("summary"))
        # None of these stand between rows, and a long table would be searched again for each of its cells.
        for before in () if ancestor.tag in ("td", "th", "tr", "tbody") else ("h1", "h2", "h3", "h4", "p", "li"):
            yield from (sibling.text_content() for sibling in ancestor.xpath(f"preceding-sibling::{before}[1]"))


def normalised(words: str) -> str:
    """Words in lower case, separated by single spaces."""
    return " ".join(words.split()).casefold()


def name_forms(name: str) -> Iterator[str]:
    """The ways to write a name: in full, without the part in brackets, and without the word Index."""
    yield normalised(name)
    yield normalised(re.sub(r"\s*\(.*?\)", "", name))
    yield normalised(name.removesuffix(" Index"))


def ordinal(number: float) -> str:
    """``21st`` for 21, ``1,022nd`` for 1022."""
    whole = int(number)
    ending = "th" if 10 <= whole % 100 <= 20 else ("th", "st", "nd", "rd", *("th",) * 6)[whole % 10]
    return f"{whole:,}{ending}"


def number_faults(shown: str, actual: float, digits: int, how: str) -> Iterator[str]:
    """The faults of a text that should show a number to the given digits."""
    if how == "ordinal":
        if shown != ordinal(actual):
            yield f"{actual} is not {shown}"
        return
    match = re.fullmatch(r"([+−]?)(\d{1,3}(?:,\d{3})*)(?:\.(\d+))?", shown)
    if not match:
        yield "is not written as numbers are here"
        return
    sign, places = match.group(1), len(match.group(3) or "")
    number = float(shown.replace(",", "").replace("−", "-"))
    expected = {
        "percent": 100 * actual,
        "thousands": actual / 1e3,
        "millions": actual / 1e6,
        "size": abs(actual),
        "whole": math.ceil(abs(actual)),
    }.get(how, actual)
    if abs(number - expected) > 0.5 * 10.0**-digits * (1 + 1e-9) + 1e-9 * abs(expected) or places != (
        0 if how == "whole" else digits
    ):
        yield f"{expected} to {digits} digits is not {shown}"
    if (sign == "+") != (how == "signed" and number > 0) or (sign == "−" and number == 0):
        yield f"{shown} has the wrong sign"


def evaluated(node: ast.expr) -> float:
    """The result of plain arithmetic."""
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        return float(node.value)
    if isinstance(node, ast.BinOp):
        return float(OPERATORS[type(node.op)](evaluated(node.left), evaluated(node.right)))
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -evaluated(node.operand)
    raise ValueError(f"not plain arithmetic: {ast.dump(node)[:60]}")

"""Reads a finished site back: every number, area, measure and direction that its pages state, from the tables again.

Nothing of the code that makes pages is used: they are parsed by lxml, tables are read from the published database,
names from the contracts as YAML. What the markup may say:

* ``data-from="TABLE.COLUMN" data-key="COLUMN=VALUE;…" data-digits="N"``: a cell that holds a number. ``data-how`` says
  how the text is made of it: ``signed``, ``size``, ``whole``, ``percent``, ``thousands``, ``millions``, ``ordinal``.
* the same without ``data-digits``: a cell that holds a word, and the text says so in a sentence (``DIRECTIONS``).
* ``data-query="SELECT …"``: what the published database answers with, a number where there are ``data-digits``, else
  the code or id of what is named.
* ``data-count="TABLE" data-key="…" data-where="…"``: how many rows there are of a kind.
* ``data-stated="FILE NAME …"``: a number in a contract; ``data-file="PATH"``: how many bytes a file of the site has.
* ``data-reach="LEVEL.END"``: the best or the worst rank under any weights of the parts of a level, by the engine.
* ``data-sum="12.5*0.25"``: plain arithmetic over full numbers.
* ``data-map="ID"`` on the SVG of a map: label and colour of each ward in it.

A number that stands in the text of ``main`` otherwise is a fault, unless it is part of a name or a definition, or
``ALLOWED``.
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

# What text may say of a cell that holds this word; a text that says the other thing too says nothing.
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
# Points from the town's score where one colour ends and the next begins, by the key of the map.
COLOURS = (-15, -5, 5, 15)
OPERATORS = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}  # fmt: skip


@dataclass(frozen=True)
class Read:
    """What was read.

    Attributes:
        faults: a sentence for each thing that is not so.
        numbers: how many numbers and words were looked up.
        wards: how many wards of maps.
    """

    faults: list[str]
    numbers: int
    wards: int


def read_page(path: str, tree: html.HtmlElement, facts: Facts, sizes: Mapping[str, int]) -> Read:
    """One page.

    Args:
        path: below the site's folder.
        tree: the page, parsed.
        facts: what it is held against.
        sizes: of every file of the site in bytes, by path.
    """
    page = Page(path, tree, facts, sizes)
    return Read(list(page.faults()), len(page.main.findall(".//data")), len(page.main.xpath(".//*[@data-map]//a")))


@dataclass(frozen=True)
class Page:
    """A page that is being read.

    Attributes:
        path: below the site's folder.
        tree: the page, parsed.
        facts: what it is held against.
        sizes: of every file of the site in bytes, by path.
    """

    path: str
    tree: html.HtmlElement
    facts: Facts
    sizes: Mapping[str, int]

    @cached_property
    def main(self) -> html.HtmlElement:
        """What the page says, without its menu and foot."""
        (main,) = self.tree.xpath("//main")
        return main

    @cached_property
    def heading(self) -> str:
        """Of the page; for each number anew it would be looked for in all of the page."""
        return squeezed(" ".join(heading.text_content() for heading in self.tree.iter("h1")))

    def faults(self) -> Iterator[str]:
        """A sentence for each thing that is not so."""
        for node in self.main.iter("data"):
            yield from (f"“{text(node)}” in “{text(block(node))[:120]}”: {fault}" for fault in self._datum(node))
        for drawn in self.main.xpath(".//*[@data-map]"):
            yield from self._map(drawn)
        yield from self._loose()

    def _datum(self, node: html.HtmlElement) -> Iterator[str]:
        """What is amiss with one number or word."""
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
        yield from printed(text(node), float(actual), int(digits or 0), node.get("data-how", ""))
        yield from self._named(node)
        yield from self._direction(node, float(actual))

    def _actual(self, node: html.HtmlElement) -> Any:
        key = keyed(node)
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
            for column, held in key.items():
                table = table[table[column].astype(str) == held]
            return len(table.query(node.get("data-where")) if node.get("data-where") else table)
        if "data-stated" in node.attrib:
            return self.facts.stated(node.get("data-stated"))
        if "data-file" in node.attrib:
            return self.sizes[node.get("data-file")]
        if "data-reach" in node.attrib:
            level, end = node.get("data-reach").split(".")
            return self.facts.reach(level, key["edition"], key["profile"])[key["area_code"]][end]
        if "data-sum" in node.attrib:
            return summed(ast.parse(node.get("data-sum"), mode="eval").body)
        raise ValueError("says not where it comes from")

    def _word(self, node: html.HtmlElement, actual: object) -> Iterator[str]:
        said, shown = node.get("value"), text(node)
        if said != as_text(actual):
            yield f"is {said}, the tables say {actual}"
        elif said in DIRECTIONS:
            own, other = DIRECTIONS[said]
            if not re.search(own, shown, re.I) or re.search(other, shown, re.I):
                yield f"says not that it {said}"
        elif "data-query" in node.attrib and squeezed(shown) not in called(self.facts.names.get(said, said)):
            yield f"is called {self.facts.names.get(said, said)}"

    def _named(self, node: html.HtmlElement) -> Iterator[str]:
        """The area and the measure of a number must be told where it stands; the index is meant where none is."""
        key = keyed(node)
        # An area of the council's own may have the id of an element, so its names stand apart.
        places = {"own_area": self.facts.own_areas}
        places["other"] = self.facts.own_areas if key.get("kind") == "own_area" else self.facts.names
        for column in ("area_code", "own_area", "other", "id", "indicator_id", "measure_id"):
            name = places.get(column, self.facts.names).get(key.get(column, ""))
            if name is not None and key[column] != self.facts.yaml["framework.yaml"]["id"]:
                names = tuple(called(name))
                if any(one in self.heading for one in names):
                    continue
                if not any(one in told for told in map(squeezed, context(node)) for one in names):
                    yield f"“{name}” is not named around it"

    def _direction(self, node: html.HtmlElement, actual: float) -> Iterator[str]:
        """A size without its sign must have a word for its direction beside it."""
        if node.get("data-how") not in ("size", "whole") or not round(actual, int(node.get("data-digits"))):
            return
        words = UP if actual > 0 else DOWN
        if node.get("data-from", "").startswith("what_would_it_take."):
            # Its sign says whether anything is needed, and another column which way.
            words = (
                rf"\b{self.facts.rows('what_would_it_take', keyed(node))[0]['way']}\b" if actual > 0 else r"\bbetter\b"
            )
        if not re.search(words, text(block(node)), re.I):
            yield f"{actual} without a word for its direction"

    def _map(self, drawn: html.HtmlElement) -> Iterator[str]:
        """Label and colour of each ward."""
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
            better = row["score"] is not None and sum(row["score"] - of_town["score"] >= one for one in COLOURS)
            place = "none" if row["score"] is None else f"c{better}"
            if place not in next(ward.iter("path")).get("class", "").split():
                yield f"map: {name} has not the colour {place}"
        if missing := codes.keys() - labels.keys():
            yield f"map: {', '.join(sorted(missing))} missing"

    def _loose(self) -> Iterator[str]:
        """Numbers that nothing says the origin of."""
        for node in self.main.iter():
            if not isinstance(node.tag, str):
                continue
            pieces = [piece for piece in (node.text, *(child.tail for child in node)) if piece and DIGIT.search(piece)]
            if not pieces or any(one.tag in QUOTED for one in (node, *node.iterancestors())):
                continue
            for piece in pieces:
                found = " ".join(piece.split())
                if not DIGIT.search(ALLOWED.sub("", found)) or found in self.facts.said:
                    continue
                left = ALLOWED.sub("", self.facts.quotable.sub("", found))
                if number := re.search(r"\S*\d\S*", left):
                    yield f"the number {number.group()} in “{found[:120]}” says not where it comes from"


def text(node: html.HtmlElement) -> str:
    """The words of a node, with single spaces."""
    return " ".join(node.text_content().split())


def keyed(node: html.HtmlElement) -> dict[str, str]:
    """The columns that tell a row, and what they hold."""
    pairs = (
        (pair.partition("=")[0], pair.partition("=")[2]) for pair in node.get("data-key", "").split(";") if "=" in pair
    )
    return dict(pairs)


def block(node: html.HtmlElement) -> html.HtmlElement:
    """The sentence or cell that a number stands in."""
    return next(one for one in node.iterancestors() if one.tag in BLOCKS or one.tag == "main")


def context(node: html.HtmlElement) -> Iterator[str]:
    """What tells what a number is of, beside the heading of the page: its sentence, row, column, caption."""
    for one in node.iterancestors():
        if one.tag in BLOCKS - {"div"} or one.tag in ("tr", "figure", "dl", "summary"):
            yield one.text_content()
        if one.tag in ("td", "th"):
            place = sum(int(cell.get("colspan", 1)) for cell in one.itersiblings("td", "th", preceding=True))
            for row in one.xpath("ancestor::table[1]/thead/tr"):
                at = 0
                for cell in row:
                    at += int(cell.get("colspan", 1))
                    if at > place:
                        yield cell.text_content()
                        break
        if one.tag == "table":
            yield from (caption.text_content() for caption in one.iter("caption"))
        if one.tag == "details":
            yield from (summary.text_content() for summary in one.findall("summary"))
        # Nothing of the kind stands between rows, and a long table would be walked through for each of its cells.
        for before in () if one.tag in ("td", "th", "tr", "tbody") else ("h1", "h2", "h3", "h4", "p", "li"):
            yield from (told.text_content() for told in one.xpath(f"preceding-sibling::{before}[1]"))


def squeezed(words: str) -> str:
    """Words without regard to case and white space."""
    return " ".join(words.split()).casefold()


def called(name: str) -> Iterator[str]:
    """How a name may be written: whole, without what stands in brackets, the index without that word."""
    yield squeezed(name)
    yield squeezed(re.sub(r"\s*\(.*?\)", "", name))
    yield squeezed(name.removesuffix(" Index"))


def ordinal(number: float) -> str:
    """``21st`` of 21, ``1,022nd`` of 1022."""
    whole = int(number)
    ending = "th" if 10 <= whole % 100 <= 20 else ("th", "st", "nd", "rd", *("th",) * 6)[whole % 10]
    return f"{whole:,}{ending}"


def printed(shown: str, actual: float, digits: int, how: str) -> Iterator[str]:
    """Whether a text says a number, to so many digits."""
    if how == "ordinal":
        if shown != ordinal(actual):
            yield f"{actual} is not {shown}"
        return
    whole = re.fullmatch(r"([+−]?)(\d{1,3}(?:,\d{3})*)(?:\.(\d+))?", shown)
    if not whole:
        yield "is not how numbers are written here"
        return
    sign, places = whole.group(1), len(whole.group(3) or "")
    number = float(shown.replace(",", "").replace("−", "-"))
    meant = {
        "percent": 100 * actual,
        "thousands": actual / 1e3,
        "millions": actual / 1e6,
        "size": abs(actual),
        "whole": math.ceil(abs(actual)),
    }.get(how, actual)
    if abs(number - meant) > 0.5 * 10.0**-digits * (1 + 1e-9) + 1e-9 * abs(meant) or places != (
        0 if how == "whole" else digits
    ):
        yield f"{meant} to {digits} digits is not {shown}"
    if (sign == "+") != (how == "signed" and number > 0) or (sign == "−" and number == 0):
        yield f"{shown} has the wrong sign"


def summed(node: ast.expr) -> float:
    """Plain arithmetic, worked out."""
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        return float(node.value)
    if isinstance(node, ast.BinOp):
        return float(OPERATORS[type(node.op)](summed(node.left), summed(node.right)))
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -summed(node.operand)
    raise ValueError(f"no arithmetic: {ast.dump(node)[:60]}")

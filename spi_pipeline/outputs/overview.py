"""A view with one row for each ward, which brings together what the tables of the newest edition say of it.

Its columns follow from the contracts: elements of the framework and measures of the context name them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.compute as pc

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.outputs.duckdb_file import View, literal, quoted

NAME = "ward_overview"
COMMENT = (
    "One row for each ward and one for its authority, newest edition and first profile: scores and likely ranks, "
    "changes, the age of the figures, strengths and weaknesses, and context. A view: every figure comes from another "
    "table."
)
NEWEST = "(SELECT max(edition) FROM edition)"
# Columns of the table score that every element has; the view's columns end with these names.
OF_ELEMENT = ("score", "rank", "rank_low", "rank_high")
# Columns of the table score that only the index has in this view.
OF_INDEX = ("score_low", "score_high", "coverage", "age_years", "recent_weight")


@dataclass(frozen=True)
class _Column:
    name: str
    expression: str
    comment: str


def ward_overview(contracts: Contracts, context: pa.Table) -> View:
    """The view of all wards.

    Clients that attach the database over a network fetch its text each time, so the text is kept short: ``PIVOT`` says
    once for sixteen elements what each would otherwise repeat.

    Args:
        contracts: which elements and measures there are, and what they mean.
        context: rows of the product ``context``, for the periods of its newest figures.

    Raises:
        SpiError: when two columns would have the same name.
    """
    profile, elements = literal(next(iter(contracts.framework.profiles))), _elements(contracts)
    around = list(_context(contracts, context))
    of_edition = _of_edition("score", profile)
    index = f"SELECT area_code, {', '.join(OF_INDEX)} {of_edition} AND id = {literal(contracts.framework.id)}"
    values = {column: f"any_value({column})" for column in OF_ELEMENT}
    parts = {
        "scores": _pivot(of_edition, "id", elements, values),
        "whole": index,
        "changes": _pivot(_since_the_first(profile), "id", elements, {"change": "any_value(verdict)"}),
        "figures": _by_area(_figures(), _behind()),
        "cards": _by_area(_cards(), _judged(contracts, profile)),
        "around": _pivot("FROM context WHERE value IS NOT NULL", "measure_id", [column.name for column in around],
                         {"": "arg_max(value, period_end)"}),
    }  # fmt: skip
    if not around:
        del parts["around"]
    # Qualified by their part, since a measure may have the name of a column of the table area, such as households.
    columns = [
        *_heads(profile), *_scores(contracts), *_changes(contracts), *_of("figures", _figures()),
        *_of("cards", _cards()), *_of("around", around),
    ]  # fmt: skip
    _refuse_duplicate_names([column.name for column in columns])
    within = ", ".join(f"{name} AS ({query})" for name, query in parts.items())
    joined = " ".join(f"LEFT JOIN {name} USING (area_code)" for name in parts)
    place = quoted(f"{contracts.framework.id}_rank")
    query = (
        f"WITH {within} SELECT {_list(columns)} FROM area {joined} "
        f"ORDER BY coalesce(parent_code, area_code), level DESC, {place} NULLS LAST, area_name"
    )
    return View(NAME, query, {column.name: column.comment for column in columns}, COMMENT)


def _pivot(source: str, by: str, names: Sequence[str], values: Mapping[str, str]) -> str:
    """A row for each area, with columns ``name_value`` for each name and value, or ``name`` if the value has none."""
    using = ", ".join(f"{value} AS {word}" if word else value for word, value in values.items())
    listed = ", ".join(map(literal, names))
    return f"SELECT * FROM (PIVOT (SELECT * {source}) ON {by} IN ({listed}) USING {using} GROUP BY area_code)"


def _by_area(columns: Sequence[_Column], source: str) -> str:
    return f"SELECT area_code, {_list(columns)} {source} GROUP BY area_code"


def _of(part: str, columns: Sequence[_Column]) -> list[_Column]:
    """The columns of a part, as the view selects them."""
    return [replace(column, expression=f"{part}.{quoted(column.name)}") for column in columns]


def _heads(profile: str) -> list[_Column]:
    return [
        _Column("area_code", "area_code", "Code of the ward or authority"),
        _Column("area_name", "area_name", "Its name"),
        _Column("level", "level", "ward or authority"),
        _Column("parent_code", "parent_code", "Authority of a ward; null for an authority"),
        _Column("edition", NEWEST, "Calendar year of the edition, the newest"),
        _Column("profile", profile, "Profile of the scores, the first"),
        _Column("as_of", "(SELECT max(as_of) FROM edition)", "The day the figures were taken"),
    ]


def _elements(contracts: Contracts) -> list[str]:
    """The index, its dimensions and their components."""
    dimensions = contracts.framework.dimensions
    return [contracts.framework.id, *(each.id for each in dimensions), *contracts.framework.components]


def _scores(contracts: Contracts) -> Iterator[_Column]:
    meanings = {column.name: column.description for column in contracts.products["score"].columns}
    for name in _elements(contracts):
        title = contracts.titles[name]
        for column in OF_ELEMENT:
            shown = f"{name}_{column}"
            yield _Column(shown, f"scores.{quoted(shown)}", f"{title}: {meanings[column]}")
        for column in OF_INDEX if name == contracts.framework.id else ():
            yield _Column(f"{name}_{column}", f"whole.{column}", f"{title}: {meanings[column]}")


def _changes(contracts: Contracts) -> Iterator[_Column]:
    for name in _elements(contracts):
        shown = f"{name}_change"
        comment = f"{contracts.titles[name]}: what may be said of the change since the first edition; see table change"
        yield _Column(shown, f"changes.{quoted(shown)}", comment)


def _figures() -> list[_Column]:
    return [
        _Column("oldest_figure", "min(period_end)", "Last day of the period of the oldest figure behind the index"),
        _Column("newest_figure", "max(period_end)", "Last day of the period of the newest figure behind the index"),
    ]


def _cards() -> list[_Column]:
    against = "against its peers, the most pronounced first, semicolons between them; see table scorecard"
    kinds = [
        ("strengths", "strength", "component", f"Components in which the ward is strong {against}"),
        ("weaknesses", "weakness", "component", f"Components in which it is weak {against}"),
        ("strong_indicators", "strength", "indicator", f"Indicators in which it is strong {against}"),
        ("weak_indicators", "weakness", "indicator", f"Indicators in which it is weak {against}"),
    ]
    named = "string_agg(title, '; ' ORDER BY abs(difference) DESC, title)"
    return [
        _Column(name, f"{named} FILTER (WHERE verdict = {literal(verdict)} AND level = {literal(level)})", comment)
        for name, verdict, level, comment in kinds
    ]


def _context(contracts: Contracts, rows: pa.Table) -> Iterator[_Column]:
    periods = _newest_periods(rows)
    for item in contracts.context.values():
        if contracts.unavailable.intersection(contracts.sources_of(item)):
            continue
        dated = f", {periods[item.id]}" if item.id in periods else ""
        yield _Column(item.id, "", f"{item.title}{dated}. {item.description} {item.limits}")


def _newest_periods(rows: pa.Table) -> dict[str, str]:
    """The first and last day of the newest figures of each measure, over all areas."""
    known = rows.filter(pc.field("value").is_valid())
    newest = known.group_by(["measure_id", "area_code"]).aggregate([("period_end", "max")])
    newest = newest.rename_columns(["measure_id", "area_code", "period_end"])
    with_start = newest.join(known, ["measure_id", "area_code", "period_end"], join_type="inner")
    spans = with_start.group_by("measure_id").aggregate([("period_start", "min"), ("period_end", "max")])
    return {
        row["measure_id"]: " to ".join(dict.fromkeys(str(row[end]) for end in ("period_start_min", "period_end_max")))
        for row in spans.to_pylist()
    }


def _of_edition(table: str, profile: str) -> str:
    return f"FROM {table} WHERE profile = {profile} AND edition = {NEWEST}"


def _since_the_first(profile: str) -> str:
    ends = f"edition_to = {NEWEST} AND edition_from = (SELECT min(edition) FROM edition)"
    return f"FROM change WHERE profile = {profile} AND {ends}"


def _behind() -> str:
    return f"FROM observation JOIN indicator USING (indicator_id) WHERE in_basis AND edition = {NEWEST}"


def _judged(contracts: Contracts, profile: str) -> str:
    titles = ", ".join(f"({literal(name)}, {literal(contracts.titles[name])})" for name in _elements(contracts))
    named = (
        f"(SELECT * FROM (VALUES {titles}) AS element(id, title) UNION ALL SELECT indicator_id, title FROM indicator)"
    )
    return f"FROM scorecard JOIN {named} AS named USING (id) WHERE profile = {profile} AND edition = {NEWEST}"


def _list(columns: Sequence[_Column]) -> str:
    return ", ".join(f"{column.expression} AS {quoted(column.name)}" for column in columns)


def _refuse_duplicate_names(names: Sequence[str]) -> None:
    if duplicates := sorted({name for name in names if names.count(name) > 1}):
        raise SpiError(
            f"two columns of the view {NAME} would share the name {' and '.join(duplicates)}: give the measure in "
            "context.yaml or the element in framework.yaml another id"
        )

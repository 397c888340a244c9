"""Finds the one table in a file: the row at which it begins, the columns that hold places, and its last row.

Notes may stand above it, totals and notes below it, and the names of its columns may take one row or two. A row whose
figures cannot be interpreted is refused.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.contracts.models.geography import plain
from spi_pipeline.contracts.models.tables import POINTS, Placed
from spi_pipeline.publishers.own.cells import Sheet
from spi_pipeline.publishers.own.days import is_year
from spi_pipeline.publishers.own.placing import SINGLES, Places
from spi_pipeline.rules.wording import listing

# Kinds of places, by preference if a table has several.
KINDS: tuple[Placed, ...] = ("postcode", "lsoa", "ward_code", "ward_name")
JOINT = " | "
_AXES: dict[Placed, tuple[frozenset[str], frozenset[str]]] = {
    "wgs84": (frozenset({"longitude", "long", "lon", "lng"}), frozenset({"latitude", "lat"})),
    "british_national_grid": (frozenset({"easting", "eastings"}), frozenset({"northing", "northings"})),
}
_TOTAL = re.compile(
    r"(grand |sub-?|borough |town |overall )?totals?\b.*|(all|whole)( (wards|areas|lsoas|borough|town))?", re.I
)


@dataclass(frozen=True)
class Table:
    """A table as it stands in a file.

    Attributes:
        label: the file and the sheet, for errors.
        sheet: its sheet; empty for a CSV file.
        divider: the divider of the sheet.
        kind: the kind of place by which its rows are placed.
        places: the positions of the columns that hold the place.
        names: the name of each column; empty for one without a name.
        rows: the number and the cells of each row below the names, with as many cells as there are names.
    """

    label: str
    sheet: str
    divider: str
    kind: Placed
    places: tuple[int, ...]
    names: Sequence[str]
    rows: Sequence[tuple[int, Sequence[str]]]

    def position(self, name: str, named_by: str) -> int:
        """Return the position of a column.

        Raises:
            SpiError: when no column, or more than one, has this name.
        """
        matches = [index for index, other in enumerate(self.names) if other == name]
        if not matches:
            held = listing(list(filter(None, self.names)))
            raise SpiError(f"{self.label} lacks the column {name!r}, which {named_by} names; it has {held}")
        if len(matches) > 1:
            raise SpiError(f"{self.label} has the column {name!r} more than once; give each a name of its own")
        return matches[0]

    def place_names(self) -> list[str]:
        """Return the names of the columns that hold the place."""
        return [self.names[index] for index in self.places]


def find_table(
    sheets: Iterable[Sheet], known: Places, sheet: str = "", declared: tuple[Placed, Sequence[str]] | None = None
) -> Table:
    """Find the one table of a file.

    Args:
        sheets: every sheet; hidden ones are searched only if they are named.
        known: our areas, by which the rows of a table are recognised.
        sheet: the sheet to read.
        declared: the kind of place and the names of its columns, if a contract declares them.

    Raises:
        SpiError: when there is no table, or more than one.
    """
    every = list(sheets)
    looked_at = [one for one in every if one.name == sheet or not (sheet and one.name)]
    if not looked_at:
        raise SpiError(f"{every[0].file} has no sheet {sheet!r}; it has {listing([one.name for one in every])}")
    seen = [one for one in looked_at if not one.hidden or one.name == sheet]
    tables = [table for one in seen if (table := _table_in(one, known, declared))]
    if len(tables) > 1:
        names = listing([table.sheet for table in tables])
        raise SpiError(f"{every[0].file} holds tables in the sheets {names}; choose one with --sheet")
    if tables:
        return tables[0]
    hidden = [one.name for one in looked_at if one.hidden and _table_in(one, known, declared)]
    if hidden:
        raise SpiError(
            f"{every[0].file} holds its table in the hidden sheet {hidden[0]}; name it with --sheet to use it"
        )
    if declared:
        columns = " and ".join(repr(name) for name in declared[1])
        raise SpiError(
            f"{looked_at[0].label} holds no table with {columns}, which its contract names; see its header row"
        )
    raise SpiError(
        f"{looked_at[0].label} holds no table by ward, LSOA, postcode or point below a row of column names; "
        "give codes of wards or LSOAs, postcodes, longitude and latitude, or easting and northing"
    )


def is_total(cells: Iterable[str], known: Places, kind: Placed) -> bool:
    """Whether the words of a row mark it as a total; the town's name does so only in a table of areas."""
    towns = frozenset[str]() if kind in SINGLES else known.town_names
    codes = known.geography.authority_codes
    return any(_TOTAL.fullmatch(cell) or plain(cell) in towns or cell in codes for cell in cells if cell)


def _table_in(sheet: Sheet, known: Places, declared: tuple[Placed, Sequence[str]] | None) -> Table | None:
    """Return the table of a sheet, or None."""
    best: tuple[int, int, Table] | None = None
    for preference, kind, places, first in _candidates(sheet, known):
        if declared and kind != declared[0]:
            continue
        names = _names(sheet, first, max(places) + 1)
        if not any(names) or not all(names[place] for place in places):
            continue
        if declared and [names[place] for place in places] != list(declared[1]):
            continue
        rows = [(number, [*cells, *[""] * len(names)][: len(names)]) for number, cells in sheet.rows if number >= first]
        table = Table(sheet.label, sheet.name, sheet.divider, kind, places, names, rows)
        count = len(rows) if kind in POINTS else sum(known.is_kind(kind, cells[places[0]]) for _, cells in rows)
        if best is None or (count, -preference) > best[:2]:
            best = (count, -preference, table)
    return best[2] if best else None


def _candidates(sheet: Sheet, known: Places) -> Iterable[tuple[int, Placed, tuple[int, ...], int]]:
    """Yield kinds of places with their preference, their columns, and the number of the first row of each."""
    for place, (_, cells) in enumerate(sheet.rows[:-1]):
        words = [cell.casefold() for cell in cells]
        for kind, axes in _AXES.items():
            at = [next((index for index, word in enumerate(words) if word in axis), -1) for axis in axes]
            if min(at) >= 0:
                yield 0, kind, (at[0], at[1]), sheet.rows[place + 1][0]
    first: dict[tuple[Placed, int], int] = {}
    for number, cells in sheet.rows:
        for index, cell in enumerate(cells):
            for kind in KINDS if cell else ():
                if (kind, index) not in first and known.is_kind(kind, cell):
                    first[kind, index] = number
    for (kind, index), number in first.items():
        yield 1 + KINDS.index(kind), kind, (index,), number


def _names(sheet: Sheet, first: int, width: int) -> list[str]:
    """Return the names of the columns above a table's first row; names over two rows are joined by a bar.

    A row of names has a text beyond the first column if the table has one there; a note or title is in the first alone.
    """
    above: list[Sequence[str]] = []
    before = [row for row in sheet.rows if row[0] < first]
    below = first
    alone = not any(any(cells[1:]) for number, cells in sheet.rows if number >= first)
    for number, cells in reversed(before[-2:]):
        named = any(cells[1:]) or (alone and not above)
        if not named or (above and (number < below - 1 or not _is_text(cells))):
            break
        above.insert(0, cells)
        below = number
    if not above:
        return []
    width = max(width, *(len(cells) for cells in above))
    padded = [[*cells, *[""] * width][:width] for cells in above]
    if len(padded) == 1:
        return padded[0]
    # A cell merged over several columns has its text in the first of them.
    joined, over = [], ""
    for upper, lower in zip(*padded, strict=True):
        over = upper or (over if lower else "")
        joined.append(JOINT.join(filter(None, (over, lower))))
    return joined


def _is_text(cells: Sequence[str]) -> bool:
    """Whether a row could hold names: it has no figure except a year."""
    return not any(re.fullmatch(r"[\d,]*\.?\d+%?", cell) and not is_year(cell) for cell in cells)

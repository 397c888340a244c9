"""The one table in a file: below which row it begins, which column says where, and where it ends.

Notes stand above it, totals and notes below, the names of its columns over one row or two. Whatever could be a figure
and cannot be told is refused with its row.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.contracts.models.geography import plain
from spi_pipeline.contracts.models.tables import POINTS, Placed
from spi_pipeline.geography.codes import listed
from spi_pipeline.publishers.own.cells import Sheet
from spi_pipeline.publishers.own.days import is_year
from spi_pipeline.publishers.own.placing import SINGLES, Places

# By which a table is placed where it could be placed by several.
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
        called: the file and the sheet, for errors.
        sheet: its sheet; empty for a CSV file.
        divider: as of the sheet.
        kind: by what its rows are placed.
        places: the columns that hold it, by position.
        names: of each column; empty where it has none.
        rows: number and cells of each row below the names, as long as they.
    """

    called: str
    sheet: str
    divider: str
    kind: Placed
    places: tuple[int, ...]
    names: Sequence[str]
    rows: Sequence[tuple[int, Sequence[str]]]

    def position(self, name: str, asked_by: str) -> int:
        """Where a column stands.

        Raises:
            SpiError: when none, or more than one, has this name.
        """
        found = [index for index, met in enumerate(self.names) if met == name]
        if not found:
            held = listed(list(filter(None, self.names)))
            raise SpiError(f"{self.called} lacks the column {name!r}, which {asked_by} names; it has {held}")
        if len(found) > 1:
            raise SpiError(f"{self.called} has the column {name!r} more than once; give each a name of its own")
        return found[0]

    def place_names(self) -> list[str]:
        """What the columns that say where are called."""
        return [self.names[index] for index in self.places]


def find_table(
    sheets: Iterable[Sheet], known: Places, sheet: str = "", stated: tuple[Placed, Sequence[str]] | None = None
) -> Table:
    """The one table of a file.

    Args:
        sheets: every sheet; hidden ones are looked into only where they are named.
        known: our areas, by which the rows of a table are told.
        sheet: the sheet to read.
        stated: by what its rows are placed and the names of the columns that say it, where a contract states that.

    Raises:
        SpiError: when there is none, or more than one to choose from.
    """
    every = list(sheets)
    looked_at = [one for one in every if one.name == sheet or not (sheet and one.name)]
    if not looked_at:
        raise SpiError(f"{every[0].file} has no sheet {sheet!r}; it has {listed([one.name for one in every])}")
    seen = [one for one in looked_at if not one.hidden or one.name == sheet]
    found = [table for one in seen if (table := _table_in(one, known, stated))]
    if len(found) > 1:
        names = listed([table.sheet for table in found])
        raise SpiError(f"{every[0].file} holds tables in the sheets {names}; say which is meant with --sheet")
    if found:
        return found[0]
    hidden = [one.name for one in looked_at if one.hidden and _table_in(one, known, stated)]
    if hidden:
        raise SpiError(f"{every[0].file} holds its table in the hidden sheet {hidden[0]}; say --sheet if it is meant")
    if stated:
        told = " and ".join(repr(name) for name in stated[1])
        raise SpiError(f"{looked_at[0].called} holds no table with {told} that its contract names; see its header row")
    raise SpiError(
        f"{looked_at[0].called} holds no table by ward, LSOA, postcode or point below a row of column names; "
        "give codes of wards or LSOAs, postcodes, longitude and latitude, or easting and northing"
    )


def is_total(cells: Iterable[str], known: Places, kind: Placed) -> bool:
    """Whether a row holds the figures of the whole, by its words; the town's name says so in a table of areas alone."""
    towns = frozenset[str]() if kind in SINGLES else known.town_names
    codes = known.geography.authority_codes
    return any(_TOTAL.fullmatch(cell) or plain(cell) in towns or cell in codes for cell in cells if cell)


def _table_in(sheet: Sheet, known: Places, stated: tuple[Placed, Sequence[str]] | None) -> Table | None:
    """The table of a sheet; None where it holds none."""
    best: tuple[int, int, Table] | None = None
    for preference, kind, places, first in _candidates(sheet, known):
        if stated and kind != stated[0]:
            continue
        names = _names(sheet, first, max(places) + 1)
        if not any(names) or not all(names[place] for place in places):
            continue
        if stated and [names[place] for place in places] != list(stated[1]):
            continue
        rows = [(number, [*cells, *[""] * len(names)][: len(names)]) for number, cells in sheet.rows if number >= first]
        table = Table(sheet.called, sheet.name, sheet.divider, kind, places, names, rows)
        count = len(rows) if kind in POINTS else sum(known.is_kind(kind, cells[places[0]]) for _, cells in rows)
        if best is None or (count, -preference) > best[:2]:
            best = (count, -preference, table)
    return best[2] if best else None


def _candidates(sheet: Sheet, known: Places) -> Iterable[tuple[int, Placed, tuple[int, ...], int]]:
    """Kinds of places, where they stand, and the number of the first row of each."""
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
    """The names of the columns above a table's first row, those of two rows joined by a bar.

    A row of names holds a text beyond the first column, where the table has any; a note or title stands in the first.
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
    # A cell merged over several columns holds its text in the first of them.
    joined, over = [], ""
    for upper, lower in zip(*padded, strict=True):
        over = upper or (over if lower else "")
        joined.append(JOINT.join(filter(None, (over, lower))))
    return joined


def _is_text(cells: Sequence[str]) -> bool:
    """Whether a row could be of names: no figure stands in it but a year."""
    return not any(re.fullmatch(r"[\d,]*\.?\d+%?", cell) and not is_year(cell) for cell in cells)

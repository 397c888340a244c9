"""Twenty odd spreadsheets, as people send them: each is read correctly, or refused with a message to act on.

The faults are those of the public tables this project reads (notes above, totals below, thousands commas, suppressed
cells, names for codes, former codes) and those that spreadsheet programs make.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import random
import zipfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.publishers.own.placing import Places
from spi_pipeline_tests.publishers.own.conftest import DraftAndRead, figures

Rows = Sequence[Sequence[Any]]


@pytest.fixture(scope="session")
def wards(contracts: Contracts) -> list[tuple[str, str, int]]:
    """The code, name and an invented count of every ward; one count has four digits."""
    return [(ward.code, ward.name, 40 + 7 * index + 1000 * (index == 3))
            for index, ward in enumerate(contracts.geography.wards)]  # fmt: skip


def workbook(folder: Path, rows: Rows, change: Callable[[Any], None] = lambda _sheet: None) -> Path:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Data"
    for row in rows:
        sheet.append(list(row))
    change(sheet)
    file = folder / "calls.xlsx"
    book.save(file)
    return file


def text(folder: Path, rows: Rows, divider: str = ",", encoding: str = "utf-8") -> Path:
    written = io.StringIO()
    csv.writer(written, delimiter=divider).writerows(rows)
    file = folder / "calls.csv"
    file.write_bytes(written.getvalue().encode(encoding))
    return file


def refusal(draft_and_read: DraftAndRead, file: Path, **options: Any) -> str:
    """The message that refuses a file: never a traceback, never more than a line."""
    with pytest.raises(SpiError) as refused:
        draft_and_read(file, **options)
    message = str(refused.value)
    assert message.startswith(file.name)
    assert "\n" not in message
    assert ";" in message or ":" in message
    return message


# Read correctly.


def test_notes_and_a_total_around_the_table_are_ignored(
    draft_and_read: DraftAndRead, wards: list[Any], tmp_path: Path
) -> None:
    rows = [
        ["Anti-social behaviour calls by ward"], ["Source: the council's call centre"], [],
        ["Ward code", "Ward", "Calls"], *wards, ["", "Total", sum(count for *_, count in wards)], [],
        ["1. Calls that were withdrawn are left out."],
    ]  # fmt: skip
    assert figures(draft_and_read(workbook(tmp_path, rows))) == {code: count for code, _, count in wards}


def test_a_two_row_header_with_merged_cells_is_read(
    draft_and_read: DraftAndRead, wards: list[Any], tmp_path: Path
) -> None:
    rows = [
        ["Area", None, "2024", None, "2025", None], ["Code", "Name", "Calls", "Visits", "Calls", "Visits"],
        *([code, name, 1, 2, count, 4] for code, name, count in wards),
    ]  # fmt: skip

    def merge(sheet: Any) -> None:
        for cells in ("A1:B1", "C1:D1", "E1:F1"):
            sheet.merge_cells(cells)

    found = draft_and_read(workbook(tmp_path, rows, merge), value="2025 | Calls")
    assert figures(found) == {code: count for code, _, count in wards}


def test_ward_names_are_read_and_the_row_of_the_council_is_its_total(
    draft_and_read: DraftAndRead, wards: list[Any], tmp_path: Path
) -> None:
    rows = [["Ward", "Calls"], *([name.upper(), count] for _, name, count in wards), ["Luton", 2130 + 1000]]
    rows[-1][1] = sum(count for *_, count in wards)
    assert figures(draft_and_read(text(tmp_path, rows))) == {code: count for code, _, count in wards}


def test_thousands_separators_are_read(draft_and_read: DraftAndRead, wards: list[Any], tmp_path: Path) -> None:
    rows = [["Ward code", "Calls"], *([code, f"{count:,}"] for code, _, count in wards)]
    found = figures(draft_and_read(text(tmp_path, rows)))
    assert found == {code: count for code, _, count in wards}
    assert max(filter(None, found.values())) > 1000


@pytest.mark.parametrize("mark", ["*", "<5", "c", "[c]", "..", "< 10", "Fewer than 5", ""])
def test_suppressed_cells_are_missing_and_never_zero(
    draft_and_read: DraftAndRead, wards: list[Any], mark: str, tmp_path: Path
) -> None:
    rows = [["Ward code", "Calls"], *([code, mark if index == 2 else count]
                                      for index, (code, _, count) in enumerate(wards))]  # fmt: skip
    found = figures(draft_and_read(text(tmp_path, rows)))
    assert found.pop(wards[2][0]) is None
    counts = {code: count for index, (code, _, count) in enumerate(wards) if index != 2}
    smallest = min(counts, key=lambda code: counts[code])
    assert found == counts | {smallest: None}, "otherwise the total would reveal the withheld count"


def test_counts_below_the_minimum_are_suppressed_and_zero_stays_zero(
    draft_and_read: DraftAndRead, wards: list[Any], tmp_path: Path
) -> None:
    counts = {code: index for index, (code, *_) in enumerate(wards)}
    found = draft_and_read(text(tmp_path, [["Ward code", "Calls"], *counts.items()]))
    assert figures(found) == {code: None if 0 < count < 5 else count for code, count in counts.items()}
    assert found.suppressed == 4


def test_with_one_suppressed_count_the_next_smallest_is_suppressed_too(
    draft_and_read: DraftAndRead, wards: list[Any], tmp_path: Path
) -> None:
    counts = {code: 10 * index for index, (code, *_) in enumerate(wards)} | {wards[5][0]: 2}
    found = draft_and_read(text(tmp_path, [["Ward code", "Calls"], *counts.items()]))
    assert figures(found) == counts | {wards[5][0]: None, wards[1][0]: None}, (
        "a zero does not protect the suppressed count"
    )
    assert found.suppressed == 2


def test_suppression_treats_each_year_as_a_separate_total(
    draft_and_read: DraftAndRead, wards: list[Any], tmp_path: Path
) -> None:
    rows: list[list[Any]] = [["Ward code", "Year", "Calls"]]
    rows += [[code, year, 20 + index] for year in (2024, 2025) for index, (code, *_) in enumerate(wards)]
    rows[3][2], rows[30][2] = 4, 3
    table = draft_and_read(text(tmp_path, rows)).frame
    hidden = table[table["calls"].isna()]
    assert hidden.groupby("year")["area_code"].apply(list).to_dict() == {
        2024: [wards[0][0], wards[2][0]], 2025: [wards[0][0], wards[9][0]],
    }  # fmt: skip


def test_hidden_sheets_empty_columns_and_notes_are_skipped(
    draft_and_read: DraftAndRead, wards: list[Any], tmp_path: Path
) -> None:
    def change(sheet: Any) -> None:
        sheet.insert_cols(2, 3)
        sheet.insert_cols(1)
        book = sheet.parent
        notes = book.create_sheet("Notes", 0)
        notes.append(["What is counted", "calls"])
        hidden = book.create_sheet("Old")
        hidden.append(["Ward code", "Calls"])
        hidden.append([wards[0][0], 1])
        hidden.sheet_state = "hidden"

    rows = [["Ward code", "Calls"], *([code, count] for code, _, count in wards)]
    assert figures(draft_and_read(workbook(tmp_path, rows, change))) == {code: count for code, _, count in wards}


def test_one_of_several_sheets_must_be_named(draft_and_read: DraftAndRead, wards: list[Any], tmp_path: Path) -> None:
    rows = [["Ward code", "Calls"], *([code, count] for code, _, count in wards)]

    def change(sheet: Any) -> None:
        other = sheet.parent.create_sheet("2024")
        for row in rows:
            other.append([row[0], 1 if row is not rows[0] else "Calls"])

    file = workbook(tmp_path, rows, change)
    message = refusal(draft_and_read, file)
    assert "Data, 2024" in message
    assert "--sheet" in message
    assert figures(draft_and_read(file, sheet="Data")) == {code: count for code, _, count in wards}


def test_date_headers_are_selected_by_name(draft_and_read: DraftAndRead, wards: list[Any], tmp_path: Path) -> None:
    header = ["Ward code", dt.date(2025, 1, 1), dt.date(2025, 2, 1)]
    file = workbook(tmp_path, [header, *([code, 9, count] for code, _, count in wards)])
    message = refusal(draft_and_read, file)
    assert "2025-01-01, 2025-02-01" in message
    assert "--value" in message
    assert figures(draft_and_read(file, value="2025-02-01")) == {code: count for code, _, count in wards}


@pytest.mark.parametrize("shown", ["texts", "cells in percent"])
def test_percentages_are_read_with_the_column_they_are_of(
    draft_and_read: DraftAndRead, wards: list[Any], shown: str, tmp_path: Path
) -> None:
    share = {code: 10.5 + index for index, (code, *_) in enumerate(wards)}
    rows: list[list[Any]] = [["Ward code", "Afraid", "Asked"]]
    rows += [[code, f"{value}%" if shown == "texts" else value / 100, 200] for code, value in share.items()]

    def in_percent(sheet: Any) -> None:
        for (cell,) in sheet["B2:B21"]:
            cell.number_format = "0.0%"

    file = workbook(tmp_path, rows, in_percent if shown != "texts" else lambda _sheet: None)
    assert figures(draft_and_read(file, value="Afraid", of="Asked"), "afraid") == pytest.approx(share)
    assert "--of" in refusal(draft_and_read, file, value="Afraid")


@pytest.mark.parametrize("divider", [";", "\t", "|"])
def test_other_delimiters_are_read(
    draft_and_read: DraftAndRead, wards: list[Any], divider: str, tmp_path: Path
) -> None:
    rows = [["Ward code", "Ward, as named", "Calls"], *([code, name, count] for code, name, count in wards)]
    assert figures(draft_and_read(text(tmp_path, rows, divider))) == {code: count for code, _, count in wards}


@pytest.mark.parametrize("encoding", ["utf-8-sig", "cp1252"])
def test_a_byte_order_mark_and_windows_encodings_are_read(
    draft_and_read: DraftAndRead, wards: list[Any], encoding: str, tmp_path: Path
) -> None:
    rows = [["Ward code", "Calls – £"], *([code, count] for code, _, count in wards)]
    found = draft_and_read(text(tmp_path, rows, encoding=encoding), value="Calls – £")
    assert figures(found) == {code: count for code, _, count in wards}


def test_spaces_of_any_kind_around_codes_are_ignored(
    draft_and_read: DraftAndRead, wards: list[Any], tmp_path: Path
) -> None:
    rows = [[" Ward\ncode ", "Calls\u00a0"], *([f" {code}\u00a0 ", f"{count} "] for code, _, count in wards)]
    assert figures(draft_and_read(workbook(tmp_path, rows))) == {code: count for code, _, count in wards}


@pytest.mark.parametrize("shape", [str, lambda code: code.replace(" ", ""), str.lower])
def test_postcodes_with_and_without_blanks_are_counted_by_ward(
    draft_and_read: DraftAndRead, known: Places, shape: Callable[[str], str], tmp_path: Path
) -> None:
    every = known.postcodes.sample(900, random_state=3)
    few = known.postcodes[known.postcodes["ward_code"] == "E05014754"]["postcode"].head(3)
    every = every[every["ward_code"] != "E05014754"]
    rows = [["Postcode"], *([shape(code)] for code in (*every["postcode"], *few))]
    found = draft_and_read(text(tmp_path, rows))
    expected = every["ward_code"].value_counts().to_dict()
    fewest = min(expected, key=expected.get)
    assert figures(found) == expected | {"E05014754": None, fewest: None}, "a count of three people is withheld"
    assert found.suppressed == 2


def test_counts_by_postcode_are_summed_by_ward_and_some_lie_elsewhere(
    draft_and_read: DraftAndRead, known: Places, tmp_path: Path
) -> None:
    every = known.postcodes.drop_duplicates("ward_code")
    rows = [["Postcode", "Calls"], *([code, 10] for code in every["postcode"]), ["MK45 1AA", 3], ["Total", 203]]
    found = draft_and_read(text(tmp_path, rows), value="Calls")
    assert figures(found) == dict.fromkeys(known.geography.ward_codes, 10)
    assert found.elsewhere == 1
    message = refusal(draft_and_read, text(tmp_path, rows))
    assert "--value" in message
    assert "--rows" in message


@pytest.mark.parametrize("grid", ["wgs84", "british_national_grid"])
def test_points_are_counted_by_ward(draft_and_read: DraftAndRead, known: Places, grid: str, tmp_path: Path) -> None:
    places = known.postcodes.sample(600, random_state=5)
    if grid == "british_national_grid":
        header, points = ["Easting", "Northing"], places[["easting", "northing"]].to_numpy().tolist()
    else:
        from pyproj import Transformer

        from spi_pipeline.geography.shapes import BRITISH_NATIONAL_GRID

        header = ["Longitude", "Latitude"]
        back = Transformer.from_crs(BRITISH_NATIONAL_GRID, "EPSG:4326", always_xy=True)
        points = [back.transform(x, y) for x, y in places[["easting", "northing"]].to_numpy()]
    rows = [["Reported", *header], *(["14/03/2025 21:05", *point] for point in points), ["15/03/2025", "", ""]]
    found = draft_and_read(text(tmp_path, rows))
    expected = places["ward_code"].value_counts()
    got = {code: value or 0 for code, value in figures(found).items()}
    # For a few postcodes, Ordnance Survey's ward differs from the ward whose simplified boundary contains the point.
    assert sum(abs(got[code] - expected.get(code, 0)) for code in got) <= 6
    assert found.elsewhere <= 4


def test_lsoas_of_2011_or_2021_are_read_but_not_both(
    draft_and_read: DraftAndRead, known: Places, tmp_path: Path
) -> None:
    for year in (2011, 2021):
        counts = {code: 20 + index for index, code in enumerate(sorted(known.lsoas[year]))}
        assert figures(draft_and_read(text(tmp_path, [["LSOA", "Calls"], *counts.items()]))) == counts
    both = {**dict.fromkeys(sorted(known.lsoas[2011]), 9), **dict.fromkeys(sorted(known.lsoas[2021]), 9)}
    assert "all of one year" in refusal(draft_and_read, text(tmp_path, [["LSOA", "Calls"], *both.items()]))


def test_years_in_rows_are_read(draft_and_read: DraftAndRead, wards: list[Any], tmp_path: Path) -> None:
    rows = [["Ward code", "Year", "Calls"],
            *([code, year, count + year] for year in (2024, 2025) for code, _, count in wards)]  # fmt: skip
    frame = draft_and_read(text(tmp_path, rows)).frame
    assert len(frame) == 40
    assert frame.set_index(["area_code", "year"])["calls"].to_dict() == {(row[0], row[1]): row[2] for row in rows[1:]}


# Refused with a message.


def test_codes_of_former_wards_are_refused(draft_and_read: DraftAndRead, contracts: Contracts, tmp_path: Path) -> None:
    rows = [["Ward code", "Calls"], *([code, 30] for code in contracts.geography.former_wards)]
    message = refusal(draft_and_read, workbook(tmp_path, rows))
    assert "sheet Data, row 2, column A (Ward code): E05002193 is Barnfield as it was before 2023-05" in message
    assert "give figures for the wards in force, or by LSOA" in message


def test_names_of_former_wards_are_refused(draft_and_read: DraftAndRead, contracts: Contracts, tmp_path: Path) -> None:
    former = contracts.geography.former_wards.values()
    rows = [["Ward", "Calls"], *([name, 30] for name in former)]
    message = refusal(draft_and_read, text(tmp_path, rows))
    assert "row 6, column A (Ward): 'Crawley' ceased to be a ward in 2023-05" in message
    rows = [["Ward", "Calls"], *([name, 30] for name in former if name not in ("Crawley", "Icknield", "Limbury"))]
    assert "it is unclear which are meant; give ward codes" in refusal(draft_and_read, text(tmp_path, rows))


def test_codes_of_another_council_and_invalid_codes_are_refused(
    draft_and_read: DraftAndRead, wards: list[Any], tmp_path: Path
) -> None:
    rows = [["Ward code", "Calls"], *([code, count] for code, _, count in wards), ["E05014394", 12]]
    message = refusal(draft_and_read, text(tmp_path, rows))
    assert "row 22, column A (Ward code): E05014394 is not a ward in Luton; correct the code or the column" in message
    rows[-1][0] = "E0501439"
    assert "row 22, column A (Ward code): 'E0501439' is not a code of a ward" in refusal(
        draft_and_read, text(tmp_path, rows)
    )
    rows[-1][0] = ""
    assert "there is no code of a ward" in refusal(draft_and_read, text(tmp_path, rows))


def test_an_area_listed_twice_is_refused(draft_and_read: DraftAndRead, wards: list[Any], tmp_path: Path) -> None:
    rows = [["Ward code", "Calls"], *([code, count] for code, _, count in wards), [wards[4][0], 12]]
    assert "E05014739 is in rows 6 and 22; keep one row" in refusal(draft_and_read, text(tmp_path, rows), value="Calls")


def test_a_total_that_differs_from_the_sum_of_rows_is_refused(
    draft_and_read: DraftAndRead, wards: list[Any], tmp_path: Path
) -> None:
    rows = [["Ward code", "Calls"], *([code, 10] for code, *_ in wards), ["Grand total", 230]]
    message = refusal(draft_and_read, text(tmp_path, rows))
    assert "column B (Calls): the total is 230 and the rows sum to 200" in message


def test_formulas_without_values_are_refused(draft_and_read: DraftAndRead, wards: list[Any], tmp_path: Path) -> None:
    rows = [
        ["Ward code", "Calls", "Twice"],
        *([code, count, f"=B{2 + i}*2"] for i, (code, _, count) in enumerate(wards)),
    ]
    file = workbook(tmp_path, rows)
    message = refusal(draft_and_read, file, value="Twice")
    assert "sheet Data, row 2, column C (Twice): is a formula without a value; open the file" in message
    assert figures(draft_and_read(file, value="Calls")) == {code: count for code, _, count in wards}


@pytest.mark.parametrize(
    ("cell", "why"),
    [("-", "could mean none or unknown"), ("about 30", "is not a figure"), ("1.234,5", "is not a figure"),
     ("#REF!", "is not a figure"), ("nan", "is not a figure"), ("12,34", "is not a figure"), ("-3", "is not a count")],
)  # fmt: skip
def test_cells_that_are_not_figures_are_refused(
    draft_and_read: DraftAndRead, wards: list[Any], cell: str, why: str, tmp_path: Path
) -> None:
    rows = [["Ward code", "Calls"], *([code, cell if index == 5 else count]
                                      for index, (code, _, count) in enumerate(wards))]  # fmt: skip
    message = refusal(draft_and_read, text(tmp_path, rows))
    assert f"row 7, column B (Calls): {cell!r} {why}" in message


def test_an_ambiguous_comma_in_a_semicolon_file_is_refused(
    draft_and_read: DraftAndRead, wards: list[Any], tmp_path: Path
) -> None:
    rows = [["Ward code", "Calls"], *([code, f"{count:,}"] for code, _, count in wards)]
    assert "row 5, column B (Calls): the comma in '1,061' could mark thousands or decimals" in refusal(
        draft_and_read, text(tmp_path, rows, ";")
    )


def test_utf_16_and_undecodable_bytes_are_refused(
    draft_and_read: DraftAndRead, wards: list[Any], tmp_path: Path
) -> None:
    rows = [["Ward code", "Calls"], *([code, count] for code, _, count in wards)]
    assert "is in UTF-16, not UTF-8; save it as CSV in UTF-8" in refusal(
        draft_and_read, text(tmp_path, rows, encoding="utf-16")
    )
    file = tmp_path / "calls.csv"
    file.write_bytes(b"Ward code,Calls\n\x81\x8d,3\n")
    assert "is neither in UTF-8 nor in Windows-1252" in refusal(draft_and_read, file)


@pytest.mark.parametrize("suffix", ["csv", "xlsx"])
def test_an_empty_file_or_sheet_is_refused(draft_and_read: DraftAndRead, suffix: str, tmp_path: Path) -> None:
    file = tmp_path / f"calls.{suffix}"
    file.write_bytes(b"")
    assert refusal(draft_and_read, file) == f"{file.name} is empty; save it again"
    if suffix == "xlsx":
        workbook(tmp_path, [])
    else:
        file.write_text("\n , \n")
    assert refusal(draft_and_read, file) == f"{file.name} is empty; save it again"


def test_files_with_the_wrong_extension_are_refused(
    draft_and_read: DraftAndRead, wards: list[Any], tmp_path: Path
) -> None:
    packed = tmp_path / "calls.xlsx"
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("calls.csv", "Ward code,Calls\n")
    assert "the archive is not a workbook; open it in a spreadsheet program" in refusal(draft_and_read, packed)
    packed.write_bytes(bytes.fromhex("d0cf11e0a1b11ae1") + bytes(600))  # the first bytes of an .xls
    assert "is not a workbook" in refusal(draft_and_read, packed)
    old = packed.rename(tmp_path / "calls.xls")
    assert "is none of .csv, .xlsx; open it in a spreadsheet program and save it as .xlsx" in refusal(
        draft_and_read, old
    )
    book = workbook(tmp_path, [["Ward code", "Calls"], *([code, count] for code, _, count in wards)])
    assert "save the table as CSV in UTF-8, or as .xlsx" in refusal(draft_and_read, book.rename(tmp_path / "calls.csv"))


@pytest.mark.parametrize(
    "rows",
    [[["Calls"]], [["E05014735"]], [["Ward code", "Calls"]], [["E05014735", 3], ["E05014736", 4]],
     [["Region", "Calls"], ["East", 3]], [["Only a note about wards"], ["and another"]]],
)  # fmt: skip
def test_a_sheet_without_a_named_table_is_refused(draft_and_read: DraftAndRead, rows: Rows, tmp_path: Path) -> None:
    message = refusal(draft_and_read, workbook(tmp_path, rows))
    assert "sheet Data holds no table by ward, LSOA, postcode or point below a row of column names" in message


def test_a_table_without_figures_or_with_a_repeated_column_name_is_refused(
    draft_and_read: DraftAndRead, wards: list[Any], tmp_path: Path
) -> None:
    rows = [["Ward code", "Ward"], *([code, name] for code, name, _ in wards)]
    assert "holds no column of figures besides the areas; it has Ward" in refusal(draft_and_read, text(tmp_path, rows))
    rows = [["Ward code", "Calls", "Calls"], *([code, 7, 8] for code, *_ in wards)]
    assert "'Calls' more than once; give each a name" in refusal(draft_and_read, text(tmp_path, rows), value="Calls")


def test_invalid_days_and_too_many_places_elsewhere_are_refused(
    draft_and_read: DraftAndRead, known: Places, tmp_path: Path
) -> None:
    ours = known.postcodes["postcode"].head(30)
    rows = [["Date", "Postcode"], *(["31/12/2025", code] for code in ours)]
    assert sum(filter(None, figures(draft_and_read(text(tmp_path, rows))).values())) >= 5
    late = refusal(
        draft_and_read, text(tmp_path, [*rows, ["01/01/2026", ours.iloc[0]]]), period=("2025-01-01", "2025-12-31")
    )
    assert "row 32, column A (Date): 2026-01-01 is not in 2025-01-01 to 2025-12-31" in late
    away = [*rows, *(["31/12/2025", "MK45 1AA"] for _ in range(10))]
    assert "10 of 40 rows have no place in Luton" in refusal(draft_and_read, text(tmp_path, away))


def test_exchanged_coordinates_are_refused(draft_and_read: DraftAndRead, tmp_path: Path) -> None:
    rows = [["Longitude", "Latitude"], *([51.88, -0.42] for _ in range(30))]
    message = refusal(draft_and_read, text(tmp_path, rows))
    assert "row 2, column A (Longitude): '51.88' lies outside the United Kingdom" in message


def test_a_corrupted_file_is_read_or_refused_in_one_sentence(
    draft_and_read: DraftAndRead, wards: list[Any], tmp_path: Path
) -> None:
    rows = [["Ward code", "Calls"], *([code, count] for code, _, count in wards)]
    chance = random.Random(14)
    for whole in (workbook(tmp_path, rows).read_bytes(), text(tmp_path, rows).read_bytes()):
        file = tmp_path / ("calls.xlsx" if whole.startswith(b"PK") else "calls.csv")
        for _ in range(25):
            spoilt = bytearray(whole)
            for _ in range(chance.randint(1, 8)):
                spoilt[chance.randrange(len(spoilt))] = chance.randrange(256)
            file.write_bytes(bytes(spoilt[: chance.randrange(len(spoilt) // 2, len(spoilt) + 1)]))
            with suppress(SpiError):  # no other exception
                draft_and_read(file)

"""Files with signs of personal data are refused, wherever those stand; figures for areas are accepted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import openpyxl
import pytest

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.publishers.own.cells import Sheet, read_sheets
from spi_pipeline.publishers.own.persons import is_nhs_number, refuse_persons
from spi_pipeline.publishers.own.placing import Places


def check(known: Places, *columns: list[str]) -> None:
    rows = [(number, cells) for number, cells in enumerate(zip(*columns, strict=True), 1)]
    refuse_persons([Sheet("people.csv", "", False, rows)], known.names_an_area)


POSTCODES = ["Postcode", "LU1 1AA", "LU1 1AR", "LU1 1BB"]


@pytest.mark.parametrize(
    "name",
    ["Name", "Surname", "First name", "FORENAME", "Customer Name", "complainant_name", "DOB", "Date of Birth",
     "Birth date", "NHS Number", "NHS no", "NI number", "National Insurance Number", "E-mail", "email address", "Phone",
     "Telephone No.", "Mobile", "Address", "Address line 1", "Home address", "House number", "Flat no", "UPRN",
     "Client ID", "Person reference", "UPN"],
)  # fmt: skip
def test_column_names_that_suggest_personal_data_are_refused(known: Places, name: str) -> None:
    with pytest.raises(
        SpiError,
        match=rf"people.csv, column B: the name '{name}' in row 1 suggests .*; an index must not use personal",
    ):
        check(known, POSTCODES, [name, "1", "2", "3"])


@pytest.mark.parametrize(
    ("value", "what"),
    [("a.person@example.org", "an e-mail address"), ("01582 496 018", "a telephone number"),
     ("+44 7700 900123", "a telephone number"), ("(01582) 496018", "a telephone number"),
     ("12 High Street", "an address"), ("Flat 3 12a, St Mary's Road, Luton", "an address"),
     ("943 476 5919", "NHS numbers"), ("9434765919", "NHS numbers")],
)  # fmt: skip
def test_cells_that_look_like_personal_data_are_refused(known: Places, value: str, what: str) -> None:
    with pytest.raises(SpiError, match=f"column B: row 3.* {what}.*; an index must not use personal data"):
        check(known, POSTCODES, ["Remark", "", value, ""])


@pytest.mark.parametrize(
    "days",
    [["03/04/1931", "1988-12-01", "01/02/2014"], ["3.4.1931", "1.12.1988", "1.2.2014"],
     ["1931-04-03 00:00", "1988-12-01T00:00:00", "01-02-2014 09:15"]],
)  # fmt: skip
def test_days_spread_over_decades_are_refused_as_dates_of_birth(known: Places, days: list[str]) -> None:
    with pytest.raises(SpiError, match=r"holds days of 1931 to 2014, as dates of birth do"):
        check(known, POSTCODES, ["When", *days])


def test_days_within_a_few_years_are_not_dates_of_birth(known: Places) -> None:
    check(known, POSTCODES, ["When", "03/04/2021", "2022-12-01", "01/02/2024"])


@pytest.mark.parametrize(
    "column",
    [["Ward name", "Farley", "South", "Saints"], ["Name", "Farley", "South", "Saints"],
     ["Name", "Luton 001A", "Luton 001B", "Luton 002C"], ["Number of residents", "812", "799", "1,203"],
     ["Residents", "5823410987", "5823410988", "5823410989"], ["Easting", "508653", "508532", "508681"],
     ["Calls", "1582496018", "12", "14"], ["Kind", "Noise in the street", "Litter", "2 cars"],
     ["Date of incident", "03/04/2025", "04/04/2025", "05/04/2025"], ["Telephone calls", "3", "4", "5"]],
)  # fmt: skip
def test_columns_of_area_figures_are_accepted(known: Places, column: list[str]) -> None:
    check(known, POSTCODES, column)


def test_hidden_sheets_are_checked(known: Places, tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet: Any = book.active
    sheet.append(["Ward code", "Calls"])
    sheet.append(["E05014735", 12])
    hidden = book.create_sheet("Cases")
    hidden.append(["Ref", "Surname"])
    hidden.append([1, "Example"])
    hidden.sheet_state = "hidden"
    book.save(tmp_path / "people.xlsx")
    with pytest.raises(SpiError, match=r"people.xlsx, sheet Cases, column B: the name 'Surname' in row 1"):
        refuse_persons(read_sheets(tmp_path / "people.xlsx"), known.names_an_area)


def test_the_check_digit_of_an_nhs_number_is_verified() -> None:
    # 943 476 5919 is the example in the NHS Data Dictionary.
    assert is_nhs_number("9434765919")
    assert sum(is_nhs_number(f"943476591{digit}") for digit in range(10)) == 1
    assert not is_nhs_number("943476591")

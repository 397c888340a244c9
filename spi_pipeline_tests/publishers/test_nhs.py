"""NHS England: files found through their pages, and prevalence carried from practices to where patients live."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.publishers.http.exchange import PermanentFailure
from spi_pipeline.publishers.nhs import OFFERS, PATIENTS, QOF
from spi_pipeline_tests.imitations.messages import zipped
from spi_pipeline_tests.imitations.publishers.nhs import PATIENTS_HEADER, REGISTERS_HEADER
from spi_pipeline_tests.publishers.fake import TOWN, FakeClient, as_download, body_of, fetch_and_parse, matches_contract

CONDITIONS = OFFERS["diagnosed_conditions"]
FILES = "https://files.digital.nhs.uk/74/93D6A1/"


def patients(rows: list[tuple[str, str, int]], **renamed: str) -> bytes:
    cells = [("GP_PRAC_PAT_LIST", "01JUL2026", practice, "A SURGERY", area, "ALL", n) for practice, area, n in rows]
    return body_of(pd.DataFrame(cells, columns=list(PATIENTS_HEADER)).rename(columns=renamed))


def registers(rows: list[tuple[str, str, str, int, int]]) -> bytes:
    cells = [(practice, group, register, kind, size) for practice, group, kind, size, register in rows]
    return body_of(pd.DataFrame(cells, columns=list(REGISTERS_HEADER)))


def every_group(practice: str, percent: int) -> list[tuple[str, str, str, int, int]]:
    ages = [("DM", "17OV"), ("DEP", "18OV"), ("HYP", "TOTAL"), ("COPD", "TOTAL")]
    return [(practice, group, kind, 100, percent) for group, kind in ages]


LISTED = [("P1", "E01900001", 900), ("P2", "E01900001", 300), ("P2", "E01900002", 1500), ("P3", "E01000000", 9)]


def files(folder: Path, listed: bytes, found: bytes, year: str = "2425") -> list[Any]:
    lists = zipped({"gp-reg-pat-prac-lsoa-all.csv": listed, "gp-reg-pat-prac-lsoa-male.csv": b"x"})
    qof = zipped({f"PREVALENCE_{year}.csv": found, "ACHIEVEMENT_2425.csv": b"x"})
    return [
        as_download(folder, lists, f"{FILES}gp-reg-pat-prac-lsoa-July-26.zip"),
        as_download(folder, qof, f"{FILES}qof-2425.zip"),
    ]


def test_an_area_has_the_prevalence_of_the_practices_its_patients_go_to(tmp_path: Path) -> None:
    found = registers([*every_group("P1", 4), *every_group("P2", 8)])
    frame = CONDITIONS.parse(files(tmp_path, patients(LISTED), found), TOWN)
    assert matches_contract("diagnosed_conditions", frame)
    assert frame["patients"].tolist() == [1200, 1500]
    assert frame["year"].tolist() == [2025, 2025]
    assert frame["seen"].tolist() == [100, 100]
    assert frame["diabetes"].tolist() == pytest.approx([(3 * 4 + 8) / 4, 8])


def test_the_list_of_the_registers_ages_counts_among_several(tmp_path: Path) -> None:
    others = [("P1", "HYP", "45OV", 10, 9), ("P1", "DM", "TOTAL", 400, 4), ("P2", "DM", "TOTAL", 400, 4)]
    found = registers([*every_group("P1", 4), *every_group("P2", 4), *others])
    frame = CONDITIONS.parse(files(tmp_path, patients(LISTED), found), TOWN)
    assert frame["hypertension"].tolist() == [4, 4]
    assert frame["diabetes"].tolist() == [4, 4], "the share is of patients aged 17 and over"


def test_a_register_of_adults_is_never_a_share_of_a_list_of_all_ages(tmp_path: Path) -> None:
    of_all = [(practice, group, "TOTAL", 400, 4) for practice in ("P1", "P2") for group in ("DM", "DEP")]
    partly = registers([*every_group("P1", 4), *every_group("P2", 4)[1:], *of_all])
    frame = CONDITIONS.parse(files(tmp_path, patients(LISTED), partly), TOWN)
    assert frame["diabetes"].tolist() == pytest.approx([4, float("nan")], nan_ok=True), (
        "P2 has no list of patients aged 17 and over"
    )
    assert refused(tmp_path, patients(LISTED), registers(of_all)) == (
        "PREVALENCE_2425.csv of NHS England gives register DEP no list of type 18OV but TOTAL; see in NHS England's "
        "notes which ages it covers now"
    )


def test_a_practice_with_implausible_figures_is_left_out_of_that_condition(tmp_path: Path) -> None:
    slips = [("P1", "DM", "17OV", 100, 64), ("P1", "COPD", "TOTAL", 0, 3), ("P1", "HYP", "TOTAL", 100, 60)]
    found = registers([*every_group("P2", 8), *slips])
    frame = CONDITIONS.parse(
        files(tmp_path, patients([("P1", "E01900001", 300), ("P2", "E01900001", 900)]), found), TOWN
    )
    assert frame["diabetes"].tolist() == [8]
    assert frame["copd"].tolist() == [8]
    assert frame["hypertension"].tolist() == [(60 + 3 * 8) / 4], "high but credible"
    assert frame["seen"].tolist() == [75]


def test_an_area_with_too_few_patients_or_residents_seen_is_withheld(tmp_path: Path) -> None:
    listed = [("P1", "E01900001", 600), ("P3", "E01900001", 400), ("P1", "E01900002", 1400)]
    found = registers(every_group("P1", 4))
    frame = CONDITIONS.parse(files(tmp_path, patients(listed), found), TOWN)
    assert frame["seen"].tolist() == [60, 100], "P3 is in no register and does not count as healthy"
    assert frame["diabetes"].tolist() == pytest.approx([float("nan"), 4], nan_ok=True)
    border = [("P1", "E01900001", 650), ("P1", "E01900002", 649)]
    frame = CONDITIONS.parse(files(tmp_path, patients(border), found), TOWN)
    assert frame["diabetes"].tolist() == pytest.approx([4, float("nan")], nan_ok=True)
    assert frame["patients"].tolist() == [650, 649]


def test_columns_of_2025_26_are_read_and_an_unnamed_list_must_be_the_only_one(tmp_path: Path) -> None:
    rows = [*every_group("P1", 4), *every_group("P2", 8)]
    renamed = pd.read_csv(BytesIO(registers(rows))).rename(columns={"REGISTER": "REGISTER_SIZE"})
    for columns in (list(renamed), [name for name in renamed if name != "PATIENT_LIST_TYPE"]):
        frame = CONDITIONS.parse(files(tmp_path, patients(LISTED), body_of(renamed[columns]), "2526"), TOWN)
        assert (set(frame["year"]), frame["diabetes"].tolist()) == ({2026}, pytest.approx([5, 8]))
    several = registers([*rows, ("P1", "DM", "TOTAL", 400, 4)]).replace(b"PATIENT_LIST_TYPE", b"OTHER")
    assert "several lists of a practice without a column PATIENT_LIST_TYPE" in refused(
        tmp_path, patients(LISTED), several
    )


def refused(folder: Path, listed: bytes, found: bytes, year: str = "2425") -> str:
    with pytest.raises(SpiError) as caught:
        CONDITIONS.parse(files(folder, listed, found, year), TOWN)
    return str(caught.value)


def test_lsoas_of_2011_are_refused_even_if_mixed_in(tmp_path: Path) -> None:
    message = refused(tmp_path, patients([*LISTED, ("P1", "E01800001", 3)]), registers(every_group("P1", 4)))
    assert message == (
        "gp-reg-pat-prac-lsoa-all.csv of NHS England is on the LSOAs of 2011 (E01800001); fetch the file of a quarter "
        "since April 2025"
    )


def test_mismatched_or_missing_files_are_refused(tmp_path: Path) -> None:
    assert refused(tmp_path, patients(LISTED), registers(every_group("P1", 4))).startswith(
        "only 1 of 2 practices of our patients are in the QOF file of NHS England; fetch the two of the same year"
    )
    both = files(tmp_path, patients(LISTED), registers(every_group("P1", 4)))
    with pytest.raises(SpiError, match=r"^the file of QOF prevalence of NHS England is missing; fetch both files"):
        CONDITIONS.parse(both[:1], TOWN)
    assert "lacks its year" in refused(tmp_path, patients(LISTED), registers(every_group("P1", 4)), "X")


def test_repeated_rows_count_once_and_must_agree(tmp_path: Path) -> None:
    found = registers([*every_group("P1", 4), *every_group("P2", 4)])
    assert CONDITIONS.parse(files(tmp_path, patients(LISTED * 2), found), TOWN)["patients"].tolist() == [1200, 1500]
    message = refused(tmp_path, patients([*LISTED, ("P1", "E01900001", 901)]), found)
    assert "holds P1 in E01900001 twice, with different figures; download it again" in message


def test_a_dropped_register_is_missing_and_a_file_without_registers_is_refused(tmp_path: Path) -> None:
    found = registers([row for practice in ("P1", "P2") for row in every_group(practice, 4) if row[1] != "COPD"])
    frame = CONDITIONS.parse(files(tmp_path, patients(LISTED), found), TOWN)
    assert frame["copd"].isna().all()
    assert frame["diabetes"].tolist() == [4, 4]
    others = registers([("P1", "AF", "TOTAL", 100, 4)])
    assert "has none of the registers DM, DEP, HYP, COPD; download it again" in refused(
        tmp_path, patients(LISTED), others
    )


def test_a_renamed_column_is_refused_and_a_known_older_name_is_read(tmp_path: Path) -> None:
    found = registers([*every_group("P1", 4), *every_group("P2", 4)])
    older = patients(LISTED, LSOA_CODE="LSOA Code", NUMBER_OF_PATIENTS="All Patients")
    assert CONDITIONS.parse(files(tmp_path, older, found), TOWN)["patients"].tolist() == [1200, 1500]
    message = refused(tmp_path, patients(LISTED, LSOA_CODE="AREA"), found)
    assert "lacks the columns LSOA_CODE or LSOA Code of NHS England, it has PUBLICATION, " in message


def page(*links: str, list_of: str = "") -> bytes:
    inside = "".join(f'<li><a href="{link}">a file</a></li>' for link in links)
    named = f' data-uipath="{list_of}"' if list_of else ""
    return f'<html><nav><a href="/home">Home</a></nav><ul{named}>{inside}</ul></html>'.encode()


def publisher(folder: Path) -> FakeClient:
    months = [f"{PATIENTS}/{month}-2026" for month in ("september", "july")]
    lists = zipped({"gp-reg-pat-prac-lsoa-all.csv": patients(LISTED)})
    found = registers([*every_group("P1", 4), *every_group("P2", 4)])
    qof = zipped({"PREVALENCE_2425.csv": found})
    lsoa, old = f"{FILES}gp-reg-pat-prac-lsoa-2021.zip", f"{FILES}gp-reg-pat-prac-lsoa.zip"
    return FakeClient(
        folder,
        {
            PATIENTS: page(*months, list_of="ps.series.publications-list.latest"),
            months[0]: page(f"{FILES}gp-reg-pat-prac-all.zip"),
            months[1]: page(old, lsoa),
            "/74/93D6A1/gp-reg-pat-prac-lsoa-2021.zip": lists,
            QOF: page("https://digital.nhs.uk/qof-2024-25", list_of="ps.series.publications-list.latest"),
            "/qof-2024-25": page(f"{FILES}QOF_2425.zip"),
            "/74/93D6A1/QOF_2425.zip": qof,
        },
    )


def test_files_are_found_through_their_pages(tmp_path: Path) -> None:
    client = publisher(tmp_path)
    assert fetch_and_parse(CONDITIONS, client, TOWN)["diabetes"].tolist() == [4, 4]
    assert "/home" not in client.paths()
    assert client.paths()[1] == f"{PATIENTS}/september-2026"  # this month has no table of LSOAs


def test_a_series_without_lists_is_searched_through_its_own_links(tmp_path: Path) -> None:
    client = publisher(tmp_path)
    client.responses[QOF] = page("/home", "2024-25", f"{QOF}/2023-24")
    client.responses["/" + QOF.rsplit("/", 1)[0].lstrip("/") + "/2024-25"] = page()
    client.responses[f"{QOF}/2023-24"] = page(f"{FILES}QOF_2425.zip?x=1")
    assert fetch_and_parse(CONDITIONS, client, TOWN)["diabetes"].tolist() == [4, 4]
    client.responses[QOF] = page(f"{FILES}QOF_2425.zip")
    assert fetch_and_parse(CONDITIONS, client, TOWN)["diabetes"].tolist() == [4, 4]
    client.responses[PATIENTS] = page("september-2026", "patients-registered-at-a-gp-practice/july-2026")
    assert fetch_and_parse(CONDITIONS, client, TOWN)["diabetes"].tolist() == [4, 4]


def test_changed_pages_are_reported(tmp_path: Path) -> None:
    client = publisher(tmp_path)
    client.responses[PATIENTS] = page("/x")
    with pytest.raises(
        PermanentFailure, match=r"no publication was found on .*; download the file by hand into the inbox$"
    ):
        fetch_and_parse(CONDITIONS, client, TOWN)
    client.responses[PATIENTS] = page(f"{PATIENTS}/september-2026", list_of="ps.series.publications-list.latest")
    with pytest.raises(PermanentFailure, match=r"no page of .* links a file gp-reg-pat-prac-lsoa"):
        fetch_and_parse(CONDITIONS, client, TOWN)

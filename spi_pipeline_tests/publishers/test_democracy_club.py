"""Democracy Club: each ballot, repeated on every candidate's row, counts once, and only for wards in force."""

from __future__ import annotations

import csv
import re
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.publishers.democracy_club import OFFERS, SLUGS, slug_of
from spi_pipeline.publishers.http.exchange import PermanentFailure
from spi_pipeline_tests.imitations.publishers.democracy_club import HEADER
from spi_pipeline_tests.publishers.fake import TOWN, FakeClient, as_download, body_of, fetch_and_parse, matches_contract

ELECTIONS = OFFERS["local_elections"]
PATH = "/data/export_csv/"
# Every lower-tier and unitary authority of England in 2024, with its slug where Democracy Club's own repositories have
# it: LGSF (scrapers/CODE-SLUG) and yournextrepresentative (ynr/apps/resultsbot: ids of elections of 2018 and 2019).
COUNCILS = list(csv.DictReader(Path(__file__).with_name("councils.csv").read_text(encoding="utf-8").splitlines()))


def candidate(ward: str, date: str = "2023-05-04", **changed: object) -> dict[str, object]:
    cells = {
        "person_id": 1, "person_name": "A. Person", "election_id": "local.any-town." + date, "party_name": "None",
        "ballot_paper_id": f"local.any-town.{ward}.{date}", "election_date": date, "gss": ward, "by_election": "f",
        "cancelled_poll": "f", "votes_cast": 500, "total_electorate": 5000, "turnout_reported": 1500,
        "turnout_percentage": 30.5,
    }  # fmt: skip
    return dict.fromkeys(HEADER, "") | cells | changed


def table(*rows: dict[str, object]) -> bytes:
    return body_of(pd.DataFrame(rows))


def test_a_ballot_counts_once(tmp_path: Path) -> None:
    first, second = TOWN.wards
    rows = [
        candidate(first),
        candidate(first, person_id=2),
        candidate(second, gss=f"gss:{second}", turnout_percentage=""),
    ]
    client = FakeClient(tmp_path, {PATH: table(*rows)})
    frame = fetch_and_parse(ELECTIONS, client, TOWN)
    assert matches_contract("local_elections", frame)
    assert frame.values.tolist() == [[first, 2023, 5000, 30.5], [second, 2023, 5000, 30.0]]
    [request] = client.requests
    assert re.fullmatch(dict(request.params)["election_id"], "local.any-town.2023-05-04")
    assert not re.fullmatch(dict(request.params)["election_id"], "local.any-town-north.2023-05-04")
    assert [value for name, value in request.params if name == "field_group"] == ["results", "election"]


def test_empty_fields_are_missing(tmp_path: Path) -> None:
    row = candidate(TOWN.wards[0], total_electorate="", turnout_reported="", turnout_percentage="")
    frame = ELECTIONS.parse([as_download(tmp_path, table(row))], TOWN)
    assert frame[["electorate", "turnout"]].isna().all(axis=None)


def test_former_wards_by_elections_and_cancelled_polls_are_left_out(tmp_path: Path) -> None:
    ward = TOWN.wards[0]
    others = [
        candidate("E05800001", "2019-05-02"), candidate(ward, "2024-02-01", by_election="t"),
        candidate(ward, "2027-05-06", cancelled_poll="t"),
    ]  # fmt: skip
    frame = ELECTIONS.parse([as_download(tmp_path, table(candidate(ward), *others))], TOWN)
    assert frame[["area_code", "year"]].values.tolist() == [[ward, 2023]]
    with pytest.raises(SpiError, match=r"has no local election in a ward of ours; download it again"):
        ELECTIONS.parse([as_download(tmp_path, table(*others))], TOWN)


@pytest.mark.parametrize(
    ("field", "ballot"), [("t", ""), ("True", ""), ("f", "by."), ("", "by.")], ids=["t", "True", "id", "id alone"]
)
def test_a_by_election_is_recognised_by_its_field_or_ballot_id(tmp_path: Path, field: str, ballot: str) -> None:
    ward = TOWN.wards[0]
    named = f"local.any-town.{ward}.{ballot}2024-02-01"
    by_election = candidate(ward, "2024-02-01", by_election=field, ballot_paper_id=named)
    frame = ELECTIONS.parse([as_download(tmp_path, table(candidate(ward), by_election))], TOWN)
    assert frame["year"].tolist() == [2023]


@pytest.mark.parametrize("column", ["by_election", "cancelled_poll"])
def test_a_value_that_is_neither_true_nor_false_is_refused(tmp_path: Path, column: str) -> None:
    row = candidate(TOWN.wards[0], **{column: "perhaps"})
    with pytest.raises(SpiError) as caught:
        ELECTIONS.parse([as_download(tmp_path, table(row))], TOWN)
    expected = f"some.csv of Democracy Club: column {column} holds 'perhaps', neither t nor f; see its data page"
    assert str(caught.value) == expected


@pytest.mark.parametrize("date", ["", "soon", "04/05/2023"])
def test_an_election_date_without_a_year_is_refused(tmp_path: Path, date: str) -> None:
    row = candidate(TOWN.wards[0]) | {"election_date": date}
    with pytest.raises(
        SpiError, match=r"^some\.csv: column election_date holds .* where a year belongs; download it again"
    ):
        ELECTIONS.parse([as_download(tmp_path, table(row))], TOWN)


def test_every_council_of_england_is_requested_by_its_slug() -> None:
    slugs = {one["code"]: slug_of(one["code"], one["name"]) for one in COUNCILS}
    assert len(COUNCILS) == len(set(slugs.values())) == 296
    known_slugs = {one["code"]: one["slug"] for one in COUNCILS if one["slug"]}
    assert len(known_slugs) == 216
    assert {code: slug for code, slug in known_slugs.items() if not re.fullmatch(slugs[code], slug)} == {}
    # Councils without a known slug have names of letters, blanks and hyphens only, which the ONS and a register
    # cannot spell differently.
    unmet = [one["name"] for one in COUNCILS if not one["slug"]]
    assert [name for name in unmet if not re.fullmatch(r"[A-Za-z]+([ -][A-Za-z]+)*", name)] == []
    assert set(SLUGS) <= set(known_slugs), "every exception has evidence"


def test_an_unknown_council_is_not_a_council_without_elections(tmp_path: Path) -> None:
    header = table(candidate(TOWN.wards[0])).split(b"\n")[0] + b"\n"
    with pytest.raises(PermanentFailure) as caught:
        fetch_and_parse(ELECTIONS, FakeClient(tmp_path, {PATH: header}), replace(TOWN, names=("Any T\u00f4wn",)))
    assert str(caught.value).startswith(
        "Democracy Club has no election local.any-town, the expected slug of Any T\u00f4wn"
    )


def test_two_elections_a_year_and_a_renamed_column_are_refused(tmp_path: Path) -> None:
    ward = TOWN.wards[0]
    with pytest.raises(SpiError, match=r"holds two whole elections of E05900001 in 2023"):
        ELECTIONS.parse([as_download(tmp_path, table(candidate(ward), candidate(ward, "2023-10-05")))], TOWN)
    renamed = table(candidate(ward)).replace(b"gss", b"area")
    with pytest.raises(SpiError, match=r"^some\.csv lacks the columns gss of Democracy Club, it has person_id, "):
        ELECTIONS.parse([as_download(tmp_path, renamed)], TOWN)

"""Democracy Club: what is said of a ballot on each candidate's row, once, for wards in force."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.publishers.democracy_club import OFFERS
from spi_pipeline_tests.imitations.publishers.democracy_club import HEADER
from spi_pipeline_tests.publishers.fake import TOWN, FakeClient, body_of, holds, kept, through

ELECTIONS = OFFERS["local_elections"]
PATH = "/data/export_csv/"


def candidate(ward: str, date: str = "2023-05-04", **changed: object) -> dict[str, object]:
    cells = {
        "person_id": 1, "person_name": "A. Person", "election_id": "local.any-town." + date, "party_name": "None",
        "ballot_paper_id": f"local.any-town.{ward}.{date}", "election_date": date, "gss": ward, "by_election": "False",
        "cancelled_poll": "False", "votes_cast": 500, "total_electorate": 5000, "turnout_reported": 1500,
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
    frame = through(ELECTIONS, client, TOWN)
    assert holds("local_elections", frame)
    assert frame.values.tolist() == [[first, 2023, 5000, 30.5], [second, 2023, 5000, 30.0]]
    [asked] = client.asked
    assert re.fullmatch(dict(asked.params)["election_id"], "local.any-town.2023-05-04")
    assert not re.fullmatch(dict(asked.params)["election_id"], "local.any-town-north.2023-05-04")
    assert [value for name, value in asked.params if name == "field_group"] == ["results", "election"]


def test_what_nobody_entered_is_missing(tmp_path: Path) -> None:
    row = candidate(TOWN.wards[0], total_electorate="", turnout_reported="", turnout_percentage="")
    frame = ELECTIONS.parse([kept(tmp_path, table(row))], TOWN)
    assert frame[["electorate", "turnout"]].isna().all(axis=None)


def test_former_wards_by_elections_and_cancelled_polls_are_left_out(tmp_path: Path) -> None:
    ward = TOWN.wards[0]
    others = [
        candidate("E05800001", "2019-05-02"), candidate(ward, "2024-02-01", by_election="True"),
        candidate(ward, "2027-05-06", cancelled_poll="True"),
    ]  # fmt: skip
    frame = ELECTIONS.parse([kept(tmp_path, table(candidate(ward), *others))], TOWN)
    assert frame[["area_code", "year"]].values.tolist() == [[ward, 2023]]
    with pytest.raises(SpiError, match=r"has no local election in a ward of ours; fetch it again"):
        ELECTIONS.parse([kept(tmp_path, table(*others))], TOWN)


def test_two_elections_a_year_and_a_renamed_column_are_refused(tmp_path: Path) -> None:
    ward = TOWN.wards[0]
    with pytest.raises(SpiError, match=r"holds two whole elections of E05900001 in 2023"):
        ELECTIONS.parse([kept(tmp_path, table(candidate(ward), candidate(ward, "2023-10-05")))], TOWN)
    renamed = table(candidate(ward)).replace(b"gss", b"area")
    with pytest.raises(SpiError, match=r"^some\.csv lacks the columns gss of Democracy Club, it has person_id, "):
        ELECTIONS.parse([kept(tmp_path, renamed)], TOWN)

"""Democracy Club's export of candidates and results."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping
from typing import Any

from spi_pipeline_tests.imitations.witness import town
from spi_pipeline_tests.imitations.witness.evidence import Evidence
from spi_pipeline_tests.imitations.witness.response import Request, Response, not_found

PATH = "/data/export_csv/"
CORE = (
    "person_id",
    "person_name",
    "election_id",
    "ballot_paper_id",
    "election_date",
    "election_current",
    "party_name",
    "party_id",
    "post_label",
    "cancelled_poll",
    "seats_contested",
)
# The fields of the groups `election` and `results`, in the order of the export.
ELECTION = (
    "by_election",
    "by_election_reason",
    "gss",
    "post_id",
    "candidates_locked",
    "nuts1",
    "organisation_name",
)
RESULTS = (
    "votes_cast",
    "elected",
    "tied_vote_winner",
    "rank",
    "turnout_reported",
    "spoilt_ballots",
    "total_electorate",
    "turnout_percentage",
    "results_source",
)
PARTIES = (("Labour Party", "PP53"), ("Liberal Democrats", "PP90"), ("Conservative and Unionist Party", "PP52"))


def respond(request: Request) -> Response:
    if request.path != PATH:
        return not_found()
    extra = [value for name, value in request.pairs if name == "extra_fields"]
    if set(extra) - {*ELECTION, *RESULTS}:
        extra = []
    groups = [value for name, value in request.pairs if name == "field_group"]
    extra += [*(ELECTION if "election" in groups else ()), *(RESULTS if "results" in groups else ())]
    wanted = request.parameter("election_id")
    columns = [*CORE, *extra]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    for row in sorted(_rows(), key=lambda row: (row["election_date"], row["ballot_paper_id"], row["person_name"])):
        if re.search(wanted, row["election_id"], re.IGNORECASE):
            writer.writerow([row[name] for name in columns])
    headers = {"Content-Disposition": 'attachment; filename="dc-candidates-local.csv"'}
    return Response(text.getvalue().encode(), "text/csv", 200, headers)


def _slug(name: str) -> str:
    return name.lower().replace(" ", "-").replace("&", "and")


def _rows() -> Iterator[dict[str, Any]]:
    """All wards in 2019 (former wards) and 2023, a by-election in a former ward (2021) and in a current one (2024)."""
    for code, name in town.former_wards().items():
        yield from _ballot("2019-05-02", code, name, 6000, "35.2", seats=2)
    yield from _ballot("2021-05-06", "E05002200", "High Town", 5804, "29.80", by_election=True)
    yield from _ballot("2024-05-02", "E05014737", town.wards()["E05014737"], 9001, "21.30", by_election=True)
    held = town.table("local_elections_2023")
    figures = {row.area_code: row for row in held.itertuples()}
    for number, (code, name) in enumerate(town.wards().items()):
        if number == 7:
            yield from _ballot("2023-05-04", code, name, None, "", cancelled=True)
        elif number == 9 or code not in figures:
            yield from _ballot("2023-05-04", code, name, None, "")
        else:
            row = figures[code]
            yield from _ballot("2023-05-04", code, name, int(row.electorate), f"{row.turnout:.2f}", seats=3)


def _ballot(
    date: str,
    code: str,
    name: str,
    electorate: int | None,
    turnout: str,
    *,
    seats: int = 1,
    by_election: bool = False,
    cancelled: bool = False,
) -> Iterator[dict[str, Any]]:
    ballot = f"local.luton.{_slug(name)}.{'by.' if by_election else ''}{date}"
    cast = round(electorate * float(turnout) / 100) if electorate else ""
    for number, (party, party_id) in enumerate(PARTIES):
        result: Mapping[str, Any] = {
            "votes_cast": 900 - number * 250 if electorate else "",
            "elected": "" if not electorate else "t" if number == 0 else "f",
            "tied_vote_winner": "f" if electorate else "",
            "rank": number + 1 if electorate else "",
            "turnout_reported": cast,
            "spoilt_ballots": 12 if electorate else "",
            "total_electorate": electorate or "",
            "turnout_percentage": turnout,
            "results_source": "https://www.luton.gov.uk/, read on the day" if electorate else "",
        }
        yield {
            "person_id": 20_000 + number + int(code[-3:]) * 10,
            "person_name": ("Pat O'Neill", 'Jo "Jay" Shah', "Sam Clark, the younger")[number],
            "election_id": f"local.luton.{date}",
            "ballot_paper_id": ballot,
            "election_date": date,
            "election_current": "f",
            "party_name": party,
            "party_id": party_id,
            "post_label": name,
            "cancelled_poll": "t" if cancelled else "f",
            "seats_contested": seats,
            "by_election": "t" if by_election else "f",
            "by_election_reason": "",
            "gss": code,
            "post_id": f"gss:{code}",
            "candidates_locked": "t",
            "nuts1": "UKH",
            "organisation_name": "Luton Borough Council",
            **result,
        }


SOURCE = "DemocracyClub/yournextrepresentative"
EVIDENCE = (
    Evidence(
        PATH,
        "Eleven columns always; then those of `extra_fields` as asked, then those of each `field_group` in their order",
        f"{SOURCE} `ynr/apps/data_exports/csv_fields.py`, `views.py`, `models.py`",
    ),
    Evidence(
        PATH,
        "An extra field that does not exist: status 200 without any of `extra_fields`",
        f"{SOURCE} `views.py` (fields are taken only where the form is valid)",
    ),
    Evidence(
        PATH,
        "Written by the data base: t and f, empty for null, LF, quotes where needed",
        f"{SOURCE} `models.py` (COPY … WITH (FORMAT CSV, HEADER))",
    ),
    Evidence(
        PATH,
        "Rows as real ones, which begin with a number, a name and `local.blaenau-gwent…` and end in `f,1`",
        "a committed export of 2024",
    ),
    Evidence(PATH, "`election_id` is a pattern, of any case, searched for in the id", f"{SOURCE} `filters.py`"),
    Evidence(PATH, "Ordered by date, ballot and a name to sort by", f"{SOURCE} `models.py`"),
    Evidence(PATH, "gss is a bare code, post_id has `gss:` before it", f"{SOURCE} `csv_fields.py`"),
    Evidence(PATH, "Turnout with two decimals, results_source any text", f"{SOURCE} uk_results models"),
    Evidence(PATH, "A by-election has `.by.` in its ballot's id", f"{SOURCE} `csv_fields.py`"),
    Evidence(PATH, "Content-Type text/csv and an attachment's name", f"{SOURCE} `views.py`"),
    Evidence(PATH, "Whether a cancelled poll or one without results has empty figures (here it has)"),
    Evidence(PATH, "ETag or Last-Modified (none is sent here)"),
)

"""Democracy Club: candidates and results as CSV, one row for each candidate.

sources.md, section 7.8, lists its documents. Postgres writes the file, so truth values are ``t`` and ``f``; see
``ynr/apps/data_exports/models.py`` and its tests in DemocracyClub/yournextrepresentative. ``by_election`` follows from
``.by.`` in the id of the ballot.
"""

from __future__ import annotations

import re
from typing import Any

from spi_pipeline_tests.imitations.messages import Request, Response, Served, csv_text, not_found
from spi_pipeline_tests.imitations.tables import OLD_WARDS, noise, required

_PERSON = (
    "person_id,person_name,election_id,ballot_paper_id,election_date,election_current,party_name,party_id,post_label,"
    "cancelled_poll,seats_contested"
)
_ELECTION = "by_election,by_election_reason,gss,post_id,candidates_locked,nuts1,organisation_name"
_RESULTS = (
    "votes_cast,elected,tied_vote_winner,rank,turnout_reported,spoilt_ballots,total_electorate,turnout_percentage,"
    "results_source"
)
HEADER = f"{_PERSON},{_ELECTION},{_RESULTS}".split(",")
_PARTIES = {"Labour Party": 53, "Liberal Democrats": 90, "Conservative and Unionist Party": 52, "Green Party": 63}


def respond(request: Request) -> Response:
    """The export, filtered by date and by a pattern for the election's id."""
    if not request.path.rstrip("/").endswith("/export_csv"):
        return not_found(request)
    groups = request.query.get("field_group", "").split(",")
    wanted = [_PERSON, *([_ELECTION] if "election" in groups else []), *([_RESULTS] if "results" in groups else [])]
    columns = ",".join(wanted).split(",")
    date, pattern = request.query.get("election_date"), request.query.get("election_id", "")
    rows = [
        row
        for row in _candidates()
        if date in (None, "", row["election_date"]) and re.search(pattern, row["election_id"])
    ]
    text = csv_text(columns, ([_written(row[name]) for name in columns] for row in rows), end="\n")
    return Response(200, text.encode(), "text/csv; charset=utf-8", {"Via": "1.1 example.cloudfront.net (CloudFront)"})


def _written(cell: Any) -> Any:
    return {True: "t", False: "f"}[cell] if isinstance(cell, bool) else cell


def _candidates() -> list[dict[str, Any]]:
    """The elections of 2023 in the current wards, those of 2019 in the old wards, and one of another council."""
    known = required("local_elections_2023").set_index("area_code")
    rows: list[dict[str, Any]] = []
    for ward, name in required("wards").set_index("area_code").area_name.items():
        turnout = known.turnout.get(ward)  # missing for Farley
        electorate = known.electorate.get(ward)
        rows += _ballot("local.luton.2023-05-04", ward, name, electorate, turnout)
    for ward, name in OLD_WARDS.items():
        rows += _ballot("local.luton.2019-05-02", ward, name, 7000, 33.0)
    # A by-election and a cancelled poll: neither is an election of the whole council.
    rows += _ballot("local.luton.2024-10-03", "E05014750", "South", 8100, 18.4, by=True)
    rows += _ballot("local.luton.2025-02-06", "E05014735", "Barnfield", None, None, cancelled=True)
    return rows + _ballot("local.watford.2023-05-04", "E05010290", "Callowland", 5500, 31.4)


def _ballot(
    election: str,
    ward: str,
    name: str,
    electorate: float | None,
    turnout: float | None,
    by: bool = False,
    cancelled: bool = False,
) -> list[dict[str, Any]]:
    kind, council, date = election.split(".")
    slug = name.lower().replace(" ", "-") + (".by" if by else "")
    cast = None if electorate is None or turnout is None else round(electorate * turnout / 100)
    ballot: dict[str, Any] = {
        "election_id": election, "ballot_paper_id": f"{kind}.{council}.{slug}.{date}", "election_date": date,
        "election_current": False, "post_label": name, "cancelled_poll": cancelled, "seats_contested": 2,
        "by_election": by, "by_election_reason": "resigned" if by else "",
        "gss": ward, "post_id": f"gss:{ward}", "candidates_locked": True, "nuts1": "UKH",
        "organisation_name": f"{council.title()} Borough Council", "tied_vote_winner": "", "spoilt_ballots": 12,
        "turnout_reported": "" if cast is None else cast,
        "total_electorate": "" if electorate is None else int(electorate),
        "turnout_percentage": "" if turnout is None else turnout, "results_source": "https://www.example.org/results",
    }  # fmt: skip
    rows = []
    for rank, (party, code) in enumerate(_PARTIES.items(), 1):
        votes = round(1500 * (0.3 + noise("votes", ballot["ballot_paper_id"], party)) / rank)
        person = int(noise("person", ballot["ballot_paper_id"], party) * 100_000)
        who = {
            "person_id": person,
            "person_name": f"Candidate {person}",
            "party_name": party,
            "party_id": f"party:{code}",
        }
        rows.append({**ballot, **who, "votes_cast": votes, "elected": rank <= 2, "rank": rank})
    return rows


SERVED = {
    "democracy_club": Served(respond, "local_elections", column="total_electorate", figures=("turnout_percentage",)),
}

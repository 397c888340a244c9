"""Democracy Club: turnout at local elections, by ward. Volunteers gather it, so cells are often empty."""

from collections.abc import Iterator, Sequence

import pandas as pd

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.publishers.files.reading import numbers, text_rows, whole_numbers
from spi_pipeline.publishers.http.exchange import Client, Download, Host, Request, Scope
from spi_pipeline.publishers.offer import Offer

PUBLISHER = "Democracy Club"
DEMOCRACY_CLUB = Host("DEMOCRACY_CLUB", "https://candidates.democracyclub.org.uk", "/data/export_csv")
COLUMNS = {
    "ballot": "ballot_paper_id", "date": "election_date", "area_code": "gss", "by_election": "by_election",
    "cancelled": "cancelled_poll", "electorate": "total_electorate", "ballots": "turnout_reported",
    "turnout": "turnout_percentage",
}  # fmt: skip


def fetch(client: Client, scope: Scope) -> Iterator[Download]:
    """Every local election of our authorities."""
    for name in scope.names:
        slug = name.lower().replace(" ", "-")
        asked = (
            ("election_date", ""), ("election_id", rf"^local\.{slug}\..*"), ("format", "csv"),
            ("field_group", "results"), ("field_group", "election"),
        )  # fmt: skip
        yield client.get(Request(DEMOCRACY_CLUB, f"{DEMOCRACY_CLUB.folder}/", asked))


def parse(downloads: Sequence[Download], scope: Scope) -> pd.DataFrame:
    """Electorate and turnout of each ward in force, by year of a whole council's election; null where not gathered.

    Elections in former wards and by-elections are left out: the one is another place, the other another question.

    Raises:
        SpiError: when a column is gone, or no election in a ward of ours is held.
    """
    frames = []
    for download in downloads:
        with download.path.open("rb") as stream:
            rows = text_rows(stream, download.name, PUBLISHER, COLUMNS)
        rows = rows.assign(area_code=rows["area_code"].str.removeprefix("gss:"))
        no_poll = rows["by_election"].isin(["True", "true"]) | rows["cancelled"].isin(["True", "true"])
        # One row a candidate: what is said of the ballot is said on each.
        rows = rows[rows["area_code"].isin(scope.wards) & ~no_poll].drop_duplicates("ballot")
        rows = whole_numbers(rows, ["electorate", "ballots"], download.name)
        told = numbers(rows["turnout"], download.name, "turnout_percentage")
        counted = 100 * rows["ballots"].astype("float64") / rows["electorate"].astype("float64")
        frames.append(rows.assign(year=rows["date"].str[:4].astype("int64"), turnout=told.fillna(counted)))
    found = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()
    if found.empty:
        raise SpiError(f"{PUBLISHER} has no local election in a ward of ours; fetch it again, or look at its data page")
    twice = found[found.duplicated(["area_code", "year"])]
    if len(twice):
        said = f"{twice.iloc[0]['area_code']} in {twice.iloc[0]['year']}"
        raise SpiError(f"{PUBLISHER} holds two whole elections of {said} ({twice.iloc[0]['ballot']}); tell it to them")
    return found[["area_code", "year", "electorate", "turnout"]]


HOSTS = (DEMOCRACY_CLUB,)
OFFERS = {"local_elections": Offer(fetch, parse)}

"""Democracy Club: turnout at local elections, by ward. Volunteers gather it, so cells are often empty.

Its database writes the export directly, so true is ``t`` and false is ``f``. The id of an election contains a slug of
the council, made from the council's name in the register of organisations.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import pandas as pd

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.publishers.files.reading import numbers, text_rows, whole_numbers, years
from spi_pipeline.publishers.http.exchange import Client, Download, Host, PermanentFailure, Request, Scope
from spi_pipeline.publishers.http.peeking import Peek
from spi_pipeline.publishers.offer import Offer
from spi_pipeline.publishers.probing import shapes
from spi_pipeline.publishers.probing.probe import Probe, Shape, first_request_of, has_columns, newest_first

PUBLISHER = "Democracy Club"
DEMOCRACY_CLUB = Host("DEMOCRACY_CLUB", "https://candidates.democracyclub.org.uk", "/data/export_csv")
COLUMNS = {
    "ballot": "ballot_paper_id", "date": "election_date", "area_code": "gss", "by_election": "by_election",
    "cancelled": "cancelled_poll", "electorate": "total_electorate", "ballots": "turnout_reported",
    "turnout": "turnout_percentage",
}  # fmt: skip
# Slugs, as patterns, of councils whose name there differs from that of the ONS. DemocracyClub/LGSF has their slugs in
# scrapers/*/metadata.json; DemocracyClub/yournextrepresentative has ids of Lincoln and Folkestone in its resultsbot.
# A client of 2026 met the longer form for Hull.
SLUGS = {
    "E06000010": "kingston-upon-hull(-city)?",
    "E06000019": "herefordshire",
    "E06000023": "bristol",
    "E07000112": "folkestone-hythe",
    "E07000138": "city-of-lincoln",
}
TRUE, FALSE = {"t", "true"}, {"f", "false"}


def fetch(client: Client, scope: Scope) -> Iterator[Download]:
    """Fetch every local election of our authorities."""
    for authority, name in zip(scope.authorities, scope.names, strict=True):
        slug = slug_of(authority, name)
        query = (
            ("election_date", ""), ("election_id", rf"^local\.{slug}\..*"), ("format", "csv"),
            ("field_group", "results"), ("field_group", "election"),
        )  # fmt: skip
        request = Request(DEMOCRACY_CLUB, f"{DEMOCRACY_CLUB.folder}/", query)
        yield client.get(request, partial(_check_known, slug=slug, name=name))


def slug_of(authority: str, name: str) -> str:
    """Return a pattern of the slug of a council: its name in small letters with hyphens and no other signs.

    Django's ``slugify``, with which the register of organisations was filled, makes such slugs.

    Args:
        authority: the council's code.
        name: its name according to the ONS.
    """
    plain = unicodedata.normalize("NFKD", name.replace("&", "and")).encode("ascii", "ignore").decode()
    return SLUGS.get(authority) or re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", plain).strip().lower())


def _check_known(path: Path, slug: str, name: str) -> None:
    """Check that the response holds elections: for an unknown slug it consists of a header alone."""
    with path.open("rb") as stream:
        known = len(text_rows(stream, "export_csv", PUBLISHER, COLUMNS))
    if not known:
        raise PermanentFailure(
            f"{PUBLISHER} has no election local.{slug}, the expected slug of {name}; look it up in its list of "
            "elections, and write its slug into SLUGS in spi_pipeline/publishers/democracy_club.py"
        )


def parse(downloads: Sequence[Download], scope: Scope) -> pd.DataFrame:
    """Read electorate and turnout of each ward in force, by year of a whole council's election; null if not gathered.

    Elections in former wards and by-elections are left out: the former cover other places, the latter measure something
    else.

    Raises:
        SpiError: when a column is missing or holds an invalid value, or there is no election in a ward of ours.
    """
    frames = []
    for download in downloads:
        with download.path.open("rb") as stream:
            rows = text_rows(stream, download.name, PUBLISHER, COLUMNS)
        rows = rows.assign(area_code=rows["area_code"].str.removeprefix("gss:"))
        # The ballot's id also marks a by-election, and the field is derived from it.
        by_election = _truth(rows, "by_election", download.name) | rows["ballot"].str.contains(".by.", regex=False)
        no_poll = by_election | _truth(rows, "cancelled", download.name)
        # There is one row per candidate, and each repeats the facts of the ballot.
        rows = rows[rows["area_code"].isin(scope.wards) & ~no_poll].drop_duplicates("ballot")
        rows = whole_numbers(rows, ["electorate", "ballots"], download.name)
        published = numbers(rows["turnout"], download.name, "turnout_percentage")
        counted = 100 * rows["ballots"].astype("float64") / rows["electorate"].astype("float64")
        year = years(rows["date"], download.name, COLUMNS["date"])
        frames.append(rows.assign(year=year, turnout=published.fillna(counted)))
    elections = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()
    if elections.empty:
        raise SpiError(
            f"{PUBLISHER} has no local election in a ward of ours; download it again, or look at its data page"
        )
    twice = elections[elections.duplicated(["area_code", "year"])]
    if len(twice):
        place = f"{twice.iloc[0]['area_code']} in {twice.iloc[0]['year']}"
        raise SpiError(
            f"{PUBLISHER} holds two whole elections of {place} ({twice.iloc[0]['ballot']}); report it to {PUBLISHER}"
        )
    return elections[["area_code", "year", "electorate", "turnout"]]


def _truth(rows: pd.DataFrame, column: str, name: str) -> pd.Series:
    """Return a column of truth values; an empty cell is false."""
    words = rows[column].str.lower()
    unknown = sorted(set(words.dropna()) - TRUE - FALSE)
    if unknown:
        raise SpiError(
            f"{name} of {PUBLISHER}: column {COLUMNS[column]} holds {unknown[0]!r}, neither t nor f; see its data page"
        )
    return words.isin(TRUE)


def _shape(peek: Peek) -> Shape:
    """Return the columns, the newest election days, and how truth values are written."""
    header, rows = shapes.table_of(peek, PUBLISHER)

    def values(column: str) -> tuple[str, ...]:
        return newest_first(row.get(column) or "" for row in rows)

    written = {column: ", ".join(values(column)[:4]) for column in (COLUMNS["by_election"], COLUMNS["cancelled"])}
    # If the first line is not a header, it may name a candidate.
    columns = tuple(header) if COLUMNS["ballot"] in header else ()
    return Shape(columns=columns, rows=len(rows), periods=values(COLUMNS["date"])[:3], facts=written)


def _has_elections(shape: Shape) -> None:
    if not shape.rows:
        raise SpiError(
            f"{PUBLISHER} has no election of our council; look its slug up in its list of elections, and write it "
            "into SLUGS in spi_pipeline/publishers/democracy_club.py"
        )
    words = {word.lower() for written in shape.facts.values() for word in written.split(", ") if word}
    if unknown := sorted(words - TRUE - FALSE):
        raise SpiError(f"{PUBLISHER} writes {unknown[0]!r} where t or f belong; see its data page")


PROBE = Probe(
    "democracy_club/export", first_request_of(fetch), _shape,
    (has_columns(COLUMNS, "export_csv", PUBLISHER), _has_elections),
)  # fmt: skip
HOSTS = (DEMOCRACY_CLUB,)
OFFERS = {"local_elections": Offer(fetch, parse, probes=(PROBE,))}

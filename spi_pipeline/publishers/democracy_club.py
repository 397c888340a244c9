"""Democracy Club: turnout at local elections, by ward. Volunteers gather it, so cells are often empty.

Its database writes the export itself, so truth is ``t`` and falsehood ``f``. A council stands in the id of an election
by a slug, which is made of the name the council has in its register of organisations.
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
from spi_pipeline.publishers.probing.probe import Probe, Shape, asks_first, has_columns

PUBLISHER = "Democracy Club"
DEMOCRACY_CLUB = Host("DEMOCRACY_CLUB", "https://candidates.democracyclub.org.uk", "/data/export_csv")
COLUMNS = {
    "ballot": "ballot_paper_id", "date": "election_date", "area_code": "gss", "by_election": "by_election",
    "cancelled": "cancelled_poll", "electorate": "total_electorate", "ballots": "turnout_reported",
    "turnout": "turnout_percentage",
}  # fmt: skip
# Councils whose name there is another than that of the ONS, as patterns. DemocracyClub/LGSF keeps their slugs in
# scrapers/*/metadata.json; DemocracyClub/yournextrepresentative has ids of Lincoln and Folkestone in its resultsbot.
# For Hull a client of 2026 met the longer form.
SLUGS = {
    "E06000010": "kingston-upon-hull(-city)?",
    "E06000019": "herefordshire",
    "E06000023": "bristol",
    "E07000112": "folkestone-hythe",
    "E07000138": "city-of-lincoln",
}
TRUE, FALSE = {"t", "true"}, {"f", "false"}


def fetch(client: Client, scope: Scope) -> Iterator[Download]:
    """Every local election of our authorities."""
    for authority, name in zip(scope.authorities, scope.names, strict=True):
        slug = slug_of(authority, name)
        asked = (
            ("election_date", ""), ("election_id", rf"^local\.{slug}\..*"), ("format", "csv"),
            ("field_group", "results"), ("field_group", "election"),
        )  # fmt: skip
        request = Request(DEMOCRACY_CLUB, f"{DEMOCRACY_CLUB.folder}/", asked)
        yield client.get(request, partial(_check_known, slug=slug, name=name))


def slug_of(authority: str, name: str) -> str:
    """A pattern of the slug of a council: its name in small letters with hyphens and no other signs.

    That is what Django's ``slugify`` makes, by which the register of organisations was filled.

    Args:
        authority: its code.
        name: as the ONS has it.
    """
    plain = unicodedata.normalize("NFKD", name.replace("&", "and")).encode("ascii", "ignore").decode()
    return SLUGS.get(authority) or re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", plain).strip().lower())


def _check_known(path: Path, slug: str, name: str) -> None:
    """Elections of a council: to a slug that it does not know, it answers with a header alone."""
    with path.open("rb") as stream:
        known = len(text_rows(stream, "export_csv", PUBLISHER, COLUMNS))
    if not known:
        raise PermanentFailure(
            f"{PUBLISHER} knows no election local.{slug}, as {name} should be called there; look it up in its list of "
            "elections, and write its slug into SLUGS in spi_pipeline/publishers/democracy_club.py"
        )


def parse(downloads: Sequence[Download], scope: Scope) -> pd.DataFrame:
    """Electorate and turnout of each ward in force, by year of a whole council's election; null where not gathered.

    Elections in former wards and by-elections are left out: the one is another place, the other another question.

    Raises:
        SpiError: when a column is gone or holds what it should not, or no election in a ward of ours is held.
    """
    frames = []
    for download in downloads:
        with download.path.open("rb") as stream:
            rows = text_rows(stream, download.name, PUBLISHER, COLUMNS)
        rows = rows.assign(area_code=rows["area_code"].str.removeprefix("gss:"))
        # A by-election stands in the ballot's id too: the field is made of it.
        by_election = _truth(rows, "by_election", download.name) | rows["ballot"].str.contains(".by.", regex=False)
        no_poll = by_election | _truth(rows, "cancelled", download.name)
        # One row a candidate: what is said of the ballot is said on each.
        rows = rows[rows["area_code"].isin(scope.wards) & ~no_poll].drop_duplicates("ballot")
        rows = whole_numbers(rows, ["electorate", "ballots"], download.name)
        told = numbers(rows["turnout"], download.name, "turnout_percentage")
        counted = 100 * rows["ballots"].astype("float64") / rows["electorate"].astype("float64")
        year = years(rows["date"], download.name, COLUMNS["date"])
        frames.append(rows.assign(year=year, turnout=told.fillna(counted)))
    found = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()
    if found.empty:
        raise SpiError(f"{PUBLISHER} has no local election in a ward of ours; fetch it again, or look at its data page")
    twice = found[found.duplicated(["area_code", "year"])]
    if len(twice):
        said = f"{twice.iloc[0]['area_code']} in {twice.iloc[0]['year']}"
        raise SpiError(f"{PUBLISHER} holds two whole elections of {said} ({twice.iloc[0]['ballot']}); tell it to them")
    return found[["area_code", "year", "electorate", "turnout"]]


def _truth(rows: pd.DataFrame, column: str, name: str) -> pd.Series:
    """A column of truth values; what nobody entered is not so."""
    words = rows[column].str.lower()
    unknown = sorted(set(words.dropna()) - TRUE - FALSE)
    if unknown:
        raise SpiError(
            f"{name} of {PUBLISHER}: column {COLUMNS[column]} holds {unknown[0]!r}, neither t nor f; see its data page"
        )
    return words.isin(TRUE)


def _shape(peek: Peek) -> Shape:
    """The columns, the newest days of election, how booleans are written."""
    header, rows = shapes.table_of(peek, PUBLISHER)

    def values(column: str) -> list[str]:
        return sorted({row.get(column) or "" for row in rows} - {""}, reverse=True)

    written = {column: ", ".join(values(column)[:4]) for column in (COLUMNS["by_election"], COLUMNS["cancelled"])}
    # A first line that is no header may name a candidate.
    columns = tuple(header) if COLUMNS["ballot"] in header else ()
    return Shape(columns=columns, rows=len(rows), periods=tuple(values(COLUMNS["date"])[:3]), facts=written)


def _has_elections(shape: Shape) -> None:
    if not shape.rows:
        raise SpiError(
            f"{PUBLISHER} knows no election of our council; look its slug up in its list of elections, and write it "
            "into SLUGS in spi_pipeline/publishers/democracy_club.py"
        )
    words = {word.lower() for said in shape.facts.values() for word in said.split(", ") if word}
    if unknown := sorted(words - TRUE - FALSE):
        raise SpiError(f"{PUBLISHER} writes {unknown[0]!r} where t or f belong; see its data page")


PROBE = Probe(
    "democracy_club/export", asks_first(fetch), _shape,
    (has_columns(COLUMNS, "export_csv", PUBLISHER), _has_elections),
)  # fmt: skip
HOSTS = (DEMOCRACY_CLUB,)
OFFERS = {"local_elections": Offer(fetch, parse, probes=(PROBE,))}

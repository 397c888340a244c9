"""Ofcom, Connected Nations: fixed broadband by output area. Its site lets no program in, so files come by the inbox."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import IO

import pandas as pd

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.geography.codes import listed
from spi_pipeline.publishers.files.reading import member_named, text_rows, whole_numbers, zip_members
from spi_pipeline.publishers.http.exchange import Download, Scope
from spi_pipeline.publishers.offer import Offer

PUBLISHER = "Ofcom"
# Of all premises; the files of residential ones are named oa_res_coverage. r01 and r1 are both in use.
FILE = r"(20\d\d)(\d\d)_fixed_oa_coverage_r(\d+)\.csv"
COLUMNS = {
    "area_code": "output_area",
    "premises": "All Premises",
    "gigabit": "Number of premises with Gigabit availability",
}


def parse(downloads: Sequence[Download], scope: Scope) -> pd.DataFrame:
    """Premises and those that can have a gigabit, by output area and year; of a year's files the newest.

    Raises:
        SpiError: when a file is another of Ofcom's, lacks a column, or lacks output areas of ours.
    """
    newest: dict[int, tuple[tuple[int, int], pd.DataFrame]] = {}
    for download in downloads:
        with _table(download) as (stream, name):
            told = re.fullmatch(FILE, name, re.IGNORECASE)
            if told is None:
                raise SpiError(
                    f"{name} is not a file of all premises by output area, as 202601_fixed_oa_coverage_r1.csv is; lay "
                    "that one of Ofcom's into the inbox"
                )
            rows = text_rows(stream, name, PUBLISHER, COLUMNS, where={"area_code": scope.output_areas})
        absent = sorted(set(scope.output_areas) - set(rows["area_code"]))
        if absent:
            raise SpiError(f"{name} of {PUBLISHER} lacks {len(absent)} output areas, {listed(absent)}; lay it in whole")
        year, issue = int(told[1]), (int(told[2]), int(told[3]))
        if year not in newest or newest[year][0] < issue:
            newest[year] = issue, whole_numbers(rows, ["premises", "gigabit"], name).assign(year=year)
    frames = [rows for _, (_, rows) in sorted(newest.items())]
    return pd.concat(frames, ignore_index=True)[["area_code", "year", "premises", "gigabit"]]


@contextmanager
def _table(download: Download) -> Iterator[tuple[IO[bytes], str]]:
    if download.name.lower().endswith(".zip"):
        with zip_members(download.path, download.name, PUBLISHER) as archive:
            member = member_named(archive, FILE, download.name)
            with archive.open(member) as inner:
                yield inner, member.rsplit("/", 1)[-1]
    else:
        with download.path.open("rb") as stream:
            yield stream, download.name


HOSTS = ()
OFFERS = {"broadband_coverage": Offer(parse=parse)}

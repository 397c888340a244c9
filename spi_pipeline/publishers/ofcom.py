"""Ofcom, Connected Nations: fixed broadband by output area. Its site blocks programs, so files come from the inbox."""

import re
from collections.abc import Sequence

import pandas as pd

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.publishers.files.archives import table_in
from spi_pipeline.publishers.files.reading import text_rows, whole_numbers
from spi_pipeline.publishers.http.exchange import Download, Scope
from spi_pipeline.publishers.offer import Offer
from spi_pipeline.rules.wording import listing

PUBLISHER = "Ofcom"
# The files of all premises; those of residential premises are named oa_res_coverage. Both r01 and r1 are in use.
FILE = r"(20\d\d)(\d\d)_fixed_oa_coverage_r(\d+)\.csv"
COLUMNS = {
    "area_code": "output_area",
    "premises": "All Premises",
    "gigabit": "Number of premises with Gigabit availability",
}


def parse(downloads: Sequence[Download], scope: Scope) -> pd.DataFrame:
    """Read premises, and those with gigabit availability, by output area and year, from the newest file of each year.

    Raises:
        SpiError: when a file is another kind of Ofcom file, lacks a column, or lacks output areas of ours.
    """
    newest: dict[int, tuple[tuple[int, int], pd.DataFrame]] = {}
    for download in downloads:
        # Ofcom's large packages hold a zip file for each kind of table.
        with table_in(download.path, FILE, download.name, PUBLISHER) as (stream, name):
            match = re.fullmatch(FILE, name, re.IGNORECASE)
            if match is None:
                raise SpiError(
                    f"{name} does not count all premises by output area; replace it, in the inbox of "
                    "broadband_coverage, with Ofcom's file of output areas, named like 202601_fixed_oa_coverage_r1.csv"
                )
            rows = text_rows(stream, name, PUBLISHER, COLUMNS, where={"area_code": scope.output_areas})
        absent = sorted(set(scope.output_areas) - set(rows["area_code"]))
        if absent:
            raise SpiError(
                f"{name} of {PUBLISHER} lacks {len(absent)} output areas, {listing(absent)}; supply it whole"
            )
        year, issue = int(match[1]), (int(match[2]), int(match[3]))
        if year not in newest or newest[year][0] < issue:
            newest[year] = issue, whole_numbers(rows, ["premises", "gigabit"], name).assign(year=year)
    frames = [rows for _, (_, rows) in sorted(newest.items())]
    return pd.concat(frames, ignore_index=True)[["area_code", "year", "premises", "gigabit"]]


HOSTS = ()
OFFERS = {"broadband_coverage": Offer(parse=parse)}

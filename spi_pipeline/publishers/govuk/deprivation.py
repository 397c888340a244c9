"""GOV.UK: the Indices of Deprivation, found through their page.

Headers are cut short, so labels are compared by their beginnings.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import pandas as pd

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.publishers.files.reading import header_of, numbers, text_rows
from spi_pipeline.publishers.govuk.content import ASSETS, PUBLISHER, attachments, check_all_there, page
from spi_pipeline.publishers.http.exchange import Client, Download, PermanentFailure, Scope

INDICES = "/government/statistics/english-indices-of-deprivation-2025"
# The address of File 7 since its correction of November 2025, used if the page moves; a changed file gets a new one.
FILE_7 = (
    "https://assets.publishing.service.gov.uk/media/691ded56d140bbbaa59a2a7d/"
    "File_7_IoD2025_All_Ranks_Scores_Deciles_Population_Denominators.csv"
)
FILE_NAME = r"File_7[^/]*\.csv$"
SUBDOMAINS = {
    "children_and_young_people": "Children and Young People Sub-domain Score",
    "adult_skills": "Adult Skills Sub-domain Score",
    "geographical_barriers": "Geographical Barriers Sub-domain Score",
    "wider_barriers": "Wider Barriers Sub-domain Score",
    "indoors": "Indoors Sub-domain Score",
    "outdoors": "Outdoors Sub-domain Score",
}


def fetch_indices(client: Client, scope: Scope) -> Iterator[Download]:
    """Fetch File 7 of the indices, which holds all scores."""
    try:
        content = page(client, INDICES)
        file, changed = attachments(content, FILE_NAME, INDICES)[0], content.get("public_updated_at")
    except PermanentFailure as failure:
        if failure.status != 404:
            raise
        file, changed = FILE_7, None
    request = replace(client.absolute(file, [ASSETS]), media=("csv",), period="2025")
    download = client.get(request)
    yield replace(download, published_at=changed or download.published_at)


def parse_subdomains(downloads: Sequence[Download], scope: Scope) -> pd.DataFrame:
    """Read the scores of the sub-domains by LSOA.

    Raises:
        SpiError: when the file is on the LSOAs of 2011, lacks a score, or lacks areas of ours.
    """
    name = downloads[-1].name
    with downloads[-1].path.open("rb") as stream:
        columns = columns_of(header_of(stream, name, PUBLISHER), name)
        stream.seek(0)
        rows = text_rows(stream, name, PUBLISHER, columns, where={"area_code": scope.lsoas})
    check_all_there(rows["area_code"], scope, name)
    return rows.assign(**{ours: numbers(rows[ours], name, columns[ours]) for ours in SUBDOMAINS})


def columns_of(header: Sequence[str], name: str) -> dict[str, str]:
    """Return the published column of each of our columns.

    Raises:
        SpiError: when the file is on the LSOAs of 2011, or lacks a score.
    """
    if not any(column.startswith("LSOA code (2021)") for column in header):
        codes = [column for column in header if column.startswith("LSOA code")]
        raise SpiError(
            f"{name} of {PUBLISHER} lacks the column LSOA code (2021) and has {codes}; download File 7 of 2025"
        )
    scores = {ours: _begins(header, one, name) for ours, one in SUBDOMAINS.items()}
    return {"area_code": "LSOA code (2021)", **scores}


def last_indices(client: Client, scope: Scope) -> str:
    """Return when the page of the indices last changed."""
    return str(page(client, INDICES).get("public_updated_at"))


def _begins(header: Sequence[str], wanted: str, name: str) -> str:
    """Return the column that begins with the wanted label; some headers are cut short in the file itself."""
    low = wanted.lower()
    matches = [
        column
        for column in header
        if column.lower().startswith(low) or (len(column) > 20 and low.startswith(column.lower()))
    ]
    if len(matches) != 1:
        raise SpiError(
            f"{name} of {PUBLISHER} has {len(matches)} columns {wanted!r}; download it again, or see its notes"
        )
    return matches[0]

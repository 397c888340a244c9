"""GOV.UK: the Indices of Deprivation, through its page.

Headers are cut short, so labels are compared by how they begin.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import pandas as pd

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.publishers.files.reading import header_of, numbers, text_rows
from spi_pipeline.publishers.govuk.content import ASSETS, PUBLISHER, attachments, check_all_there, page
from spi_pipeline.publishers.http.exchange import Client, Download, PermanentFailure, Scope

INDICES = "/government/statistics/english-indices-of-deprivation-2025"
# Where File 7 lay after its correction of November 2025, should the page move: a file that changes gets a new address.
FILE_7 = (
    "https://assets.publishing.service.gov.uk/media/691ded56d140bbbaa59a2a7d/"
    "File_7_IoD2025_All_Ranks_Scores_Deciles_Population_Denominators.csv"
)
SUBDOMAINS = {
    "children_and_young_people": "Children and Young People Sub-domain Score",
    "adult_skills": "Adult Skills Sub-domain Score",
    "geographical_barriers": "Geographical Barriers Sub-domain Score",
    "wider_barriers": "Wider Barriers Sub-domain Score",
    "indoors": "Indoors Sub-domain Score",
    "outdoors": "Outdoors Sub-domain Score",
}


def fetch_indices(client: Client, scope: Scope) -> Iterator[Download]:
    """File 7 of the indices: all scores."""
    try:
        about = page(client, INDICES)
        file, changed = attachments(about, r"File_7[^/]*\.csv$", INDICES)[0], about.get("public_updated_at")
    except PermanentFailure as failure:
        if failure.status != 404:
            raise
        file, changed = FILE_7, None
    asked = replace(client.absolute(file, [ASSETS]), media=("csv",), period="2025")
    found = client.get(asked)
    yield replace(found, published_at=changed or found.published_at)


def parse_subdomains(downloads: Sequence[Download], scope: Scope) -> pd.DataFrame:
    """The scores of the sub-domains by LSOA.

    Raises:
        SpiError: when the file is on the LSOAs of 2011, lacks a score, or lacks areas of ours.
    """
    name = downloads[-1].name
    with downloads[-1].path.open("rb") as stream:
        header = header_of(stream, name, PUBLISHER)
        if not any(column.startswith("LSOA code (2021)") for column in header):
            met = [column for column in header if column.startswith("LSOA code")]
            raise SpiError(f"{name} of {PUBLISHER} has no column LSOA code (2021) but {met}; fetch File 7 of 2025")
        columns = {
            "area_code": "LSOA code (2021)",
            **{ours: _begins(header, one, name) for ours, one in SUBDOMAINS.items()},
        }
        stream.seek(0)
        rows = text_rows(stream, name, PUBLISHER, columns, where={"area_code": scope.lsoas})
    check_all_there(rows["area_code"], scope, name)
    return rows.assign(**{ours: numbers(rows[ours], name, columns[ours]) for ours in SUBDOMAINS})


def last_indices(client: Client, scope: Scope) -> str:
    """When the page of the indices last changed."""
    return str(page(client, INDICES).get("public_updated_at"))


def _begins(header: Sequence[str], wanted: str, name: str) -> str:
    """The column that begins as wanted; some headers are cut short in the file itself."""
    low = wanted.lower()
    found = [
        column
        for column in header
        if column.lower().startswith(low) or (len(column) > 20 and low.startswith(column.lower()))
    ]
    if len(found) != 1:
        raise SpiError(f"{name} of {PUBLISHER} has {len(found)} columns {wanted!r}; fetch it again, or see its notes")
    return found[0]

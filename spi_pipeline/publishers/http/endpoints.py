"""Where publishers are: base addresses, where their redirects may lead, how fast they may be asked.

What is asked below a base is said by the publisher's own module. ``SPI_ENDPOINT_<NAME>`` replaces a base.
"""

from __future__ import annotations

from dataclasses import dataclass

from spi_pipeline.publishers.http.exchange import Endpoint


@dataclass(frozen=True)
class Site:
    """One publisher's address.

    Attributes:
        base: in front of every path.
        folder: what every path begins with, and an overriding base may therefore end with.
        redirects: further hosts that its redirects may lead to.
        rate: requests in any one second.
        empty_is_final: whether an empty body with status 200 is an answer ("nothing under these codes") and no fault.
    """

    base: str
    folder: str = ""
    redirects: tuple[str, ...] = ()
    rate: int = 5
    empty_is_final: bool = False


# data.police.uk states 15 a second and bursts of 30; the others state nothing, or do not say what they enforce.
SITES: dict[Endpoint, Site] = {
    "NOMIS": Site("https://www.nomisweb.co.uk", empty_is_final=True),
    "ONS_GEOGRAPHY": Site("https://services1.arcgis.com/ESMARspQHYMw9BZ9/arcgis/rest/services"),
    "POLICE": Site("https://data.police.uk", redirects=("policeuk-data.s3.amazonaws.com",), rate=15),
    "FINGERTIPS": Site("https://fingertips.phe.org.uk/api"),
    "NHS_PAGES": Site("https://digital.nhs.uk", "/data-and-information/publications/statistical"),
    "NHS_FILES": Site("https://files.digital.nhs.uk"),
    "GOVUK_CONTENT": Site("https://www.gov.uk/api/content"),
    "GOVUK_ASSETS": Site("https://assets.publishing.service.gov.uk"),
    "DEFRA_PCM": Site("https://uk-air.defra.gov.uk", "/datastore/pcm"),
    "STATS19": Site("https://data.dft.gov.uk", "/road-accidents-safety-data"),
    "DEMOCRACY_CLUB": Site("https://candidates.democracyclub.org.uk", "/data/export_csv"),
}

"""Where publishers are: base addresses, where their redirects may lead, how fast they may be asked.

What is asked below a base is said by the publisher's own module. ``SPI_ENDPOINT_<NAME>`` replaces a base.
"""

from __future__ import annotations

from dataclasses import dataclass

from spi_pipeline.sources.exchange import Endpoint


@dataclass(frozen=True)
class Site:
    """One publisher's address.

    Attributes:
        base: in front of every path.
        redirects: further hosts that its redirects may lead to.
        rate: requests a second, sustained.
        burst: requests at once after a pause.
        empty_is_final: whether an empty body with status 200 is an answer ("nothing under these codes") and not a fault.
    """

    base: str
    redirects: tuple[str, ...] = ()
    rate: float = 2.0
    burst: int = 4
    empty_is_final: bool = False


# Stated limits: data.police.uk 15 a second with bursts of 30. The others state none or do not document theirs; they get
# the two a second of a polite reader.
SITES: dict[Endpoint, Site] = {
    "NOMIS": Site("https://www.nomisweb.co.uk", empty_is_final=True),
    "ONS_GEOGRAPHY": Site("https://services1.arcgis.com/ESMARspQHYMw9BZ9/arcgis/rest/services"),
    "POLICE": Site("https://data.police.uk", redirects=("policeuk-data.s3.amazonaws.com",), rate=15, burst=30),
    "FINGERTIPS": Site("https://fingertips.phe.org.uk/api"),
    "NHS_PAGES": Site("https://digital.nhs.uk"),
    "NHS_FILES": Site("https://files.digital.nhs.uk"),
    "GOVUK_CONTENT": Site("https://www.gov.uk/api/content"),
    "GOVUK_ASSETS": Site("https://assets.publishing.service.gov.uk"),
    "DEFRA_PCM": Site("https://uk-air.defra.gov.uk"),
    "STATS19": Site("https://data.dft.gov.uk"),
    "DEMOCRACY_CLUB": Site("https://candidates.democracyclub.org.uk"),
}

"""The one list of sources that are fetched from their publishers."""

from __future__ import annotations

from spi_pipeline.publishers import (
    defra,
    democracy_club,
    fingertips,
    govuk,
    nhs,
    nomis,
    ofcom,
    ons_geography,
    police_live,
    stats19,
)
from spi_pipeline.publishers.http.exchange import Fetcher

FETCHERS: dict[str, Fetcher] = {
    **nomis.FETCHERS,
    **ons_geography.FETCHERS,
    **police_live.FETCHERS,
    **fingertips.FETCHERS,
    **nhs.FETCHERS,
    **govuk.FETCHERS,
    **ofcom.FETCHERS,
    **defra.FETCHERS,
    **stats19.FETCHERS,
    **democracy_club.FETCHERS,
}

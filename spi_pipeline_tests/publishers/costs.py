"""Costs of both routes to each table for Luton and England: for the route tests and a table in docs/publishers.md."""

from __future__ import annotations

from spi_pipeline.publishers.nomis import fetching as nomis
from spi_pipeline.publishers.ons_geography.layers import SERVICES
from spi_pipeline.publishers.police.fetching import FORCES
from spi_pipeline.publishers.routes import Route

LUTON = {"output areas": 621, "LSOAs": 125, "wards": 20, "authorities": 1, "forces": 1}
# Numbers of the census; the authorities and some 6,900 wards are as of December 2024.
ENGLAND = {"output areas": 178_605, "LSOAs": 33_755, "wards": 6_900, "authorities": 296, "forces": 39}
_LEVELS = {"authorities": "authorities", "lsoas": "LSOAs"}

ROUTES: dict[str, tuple[str, str, Route]] = {
    "census": ("each of nineteen census tables", "output areas", nomis.CENSUS_ROUTE),
    "population": ("`population`", "LSOAs", nomis.POPULATION_ROUTE),
    "claimant_count": ("`claimant_count`, a month", "wards", nomis.CLAIMANTS_ROUTE),
    **{name: (f"`{name}`", _LEVELS[service.scope], service.route) for name, service in SERVICES.items()},
    "street_crime": ("`street_crime`, 36 months", "forces", FORCES),
}
"""By name: its title, the areas it is requested by, and its cost."""

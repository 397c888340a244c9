"""The one list of publishers, and everything they offer.

A publisher is a module, or a package if it would be long, with ``HOSTS`` and ``OFFERS``.
"""

from collections.abc import Iterable
from typing import TypeVar

from spi_pipeline.publishers import (
    defra,
    democracy_club,
    fingertips,
    govuk,
    leeds,
    nhs,
    nomis,
    ofcom,
    ons,
    ons_geography,
    ordnance_survey,
    parliament,
    police,
    red_cross,
    stats19,
)
from spi_pipeline.publishers.http.exchange import Host
from spi_pipeline.publishers.offer import Offer
from spi_pipeline.publishers.probing.judging import Known

PUBLISHERS = (
    nomis, ons_geography, police, fingertips, nhs, govuk, defra, stats19, democracy_club, ofcom, ons, ordnance_survey,
    leeds, parliament, red_cross,
)  # fmt: skip

T = TypeVar("T")


def _together(declared: Iterable[tuple[str, T]]) -> dict[str, T]:
    """Collect what publishers declare, by name; each name may be declared once."""
    by_name: dict[str, T] = {}
    for name, one in declared:
        if name in by_name:
            raise ValueError(f"two publishers declare {name}")
        by_name[name] = one
    return by_name


HOSTS: dict[str, Host] = _together((host.name, host) for publisher in PUBLISHERS for host in publisher.HOSTS)
OFFERS: dict[str, Offer] = _together(pair for publisher in PUBLISHERS for pair in publisher.OFFERS.items())
# Each probe once, even if several sources depend on it.
PROBES: dict[str, Known] = {
    probe.name: Known(probe, tuple(name for name, offer in OFFERS.items() if probe in offer.probes))
    for offer in OFFERS.values()
    for probe in offer.probes
}

"""The one list of publishers, and what they offer together.

A publisher is a module, or a package where it would be long, with ``HOSTS`` and ``OFFERS``.
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

PUBLISHERS = (
    nomis, ons_geography, police, fingertips, nhs, govuk, defra, stats19, democracy_club, ofcom, ons, ordnance_survey,
    leeds, parliament, red_cross,
)  # fmt: skip

T = TypeVar("T")


def _together(stated: Iterable[tuple[str, T]]) -> dict[str, T]:
    """Everything by its name, which one publisher alone may state."""
    found: dict[str, T] = {}
    for name, one in stated:
        if name in found:
            raise ValueError(f"two publishers state {name}")
        found[name] = one
    return found


HOSTS: dict[str, Host] = _together((host.name, host) for publisher in PUBLISHERS for host in publisher.HOSTS)
OFFERS: dict[str, Offer] = _together(pair for publisher in PUBLISHERS for pair in publisher.OFFERS.items())

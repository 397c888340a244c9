"""Ofcom, Connected Nations: the file of all premises by output area. Its site blocks programs, so nothing is served."""

from __future__ import annotations

from collections.abc import Iterable

from spi_pipeline_tests.imitations.messages import csv_text

FILE = "202601_fixed_oa_coverage_r1.csv"
_HEADER = (
    "output_area", "All Premises", "Gigabit availability (% premises)", "Number of premises with Gigabit availability",
)  # fmt: skip


def coverage(areas: Iterable[str], gigabit: int = 40) -> bytes:
    """Fifty premises for each area, after the byte order mark that Ofcom's files begin with."""
    return csv_text(_HEADER, [(area, 50, 0.99, gigabit) for area in areas]).encode("utf-8-sig")

"""Ofcom's file by output area, as uploaded by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.publishers.ofcom import OFFERS
from spi_pipeline_tests.imitations.messages import zipped
from spi_pipeline_tests.imitations.publishers.ofcom import FILE, coverage
from spi_pipeline_tests.publishers.fake import TOWN, as_download, matches_contract

COVERAGE = OFFERS["broadband_coverage"]


def table(gigabit: int = 40, areas: tuple[str, ...] = TOWN.output_areas) -> bytes:
    return coverage((*areas, "E00000001"), gigabit)


def test_premises_are_counted_by_output_area(tmp_path: Path) -> None:
    frame = COVERAGE.parse([as_download(tmp_path, table(), FILE)], TOWN)
    assert matches_contract("broadband_coverage", frame)
    assert frame.values.tolist() == [[area, 2026, 50, 40] for area in TOWN.output_areas]
    assert COVERAGE.fetch is None


def test_the_newest_revision_of_a_year_counts_however_it_is_numbered(tmp_path: Path) -> None:
    names = {
        "202601_fixed_oa_coverage_r02.csv": 42,
        FILE: 41,
        "202507_fixed_oa_coverage_r01.csv": 30,
        "202501_fixed_oa_coverage_r9.csv": 29,
    }
    frame = COVERAGE.parse([as_download(tmp_path, table(value), name) for name, value in names.items()], TOWN)
    assert frame.groupby("year")["gigabit"].first().to_dict() == {2025: 30, 2026: 42}


def test_a_zip_file_is_opened(tmp_path: Path) -> None:
    body = zipped({f"coverage/{FILE}": table(), "coverage/202601_fixed_oa_res_coverage_r1.csv": b"x"})
    assert len(COVERAGE.parse([as_download(tmp_path, body, "coverage.zip")], TOWN)) == 3


@pytest.mark.parametrize(
    ("name", "body", "message"),
    [
        (
            "202601_fixed_oa_res_coverage_r1.csv",
            table(),
            "does not count all premises by output area; replace it, in the inbox",
        ),
        (
            "202601_fixed_pc_coverage_r2_LU.csv",
            table(),
            "does not count all premises by output area; replace it, in the inbox",
        ),
        (FILE, table(areas=TOWN.output_areas[:2]), "of Ofcom lacks 1 output areas, E00900003; supply it whole"),
        (
            FILE,
            table().replace(b"All Premises", b"Premises"),
            "lacks the columns All Premises of Ofcom, it has output_area, ",
        ),
        (FILE, b"", "is not a CSV file of Ofcom: it is empty; download it again"),
    ],
    ids=["homes only", "postcodes", "an area gone", "renamed", "empty"],
)
def test_another_file_is_refused(tmp_path: Path, name: str, body: bytes, message: str) -> None:
    with pytest.raises(SpiError) as caught:
        COVERAGE.parse([as_download(tmp_path, body, name)], TOWN)
    assert message in str(caught.value)

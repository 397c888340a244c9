"""Sanity checks of the finished index: every name they use must exist, and every explanation needs a reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline_tests.contracts.mutation import assert_fault, case

FILE = "sanity.yaml"


@pytest.mark.parametrize(
    ("file", "old", "new", "message", "at"),
    [
        case(
            "unknown profile", FILE,
            "profile: spi",
            "profile: spy",
            "'spy' is not a profile; nearest is 'spi', allowed are equal, spi",
        ),
        case(
            "unknown measure", FILE,
            "measure: income_deprived",
            "measure: income_depraved",
            "'income_depraved' is not a measure of context.yaml; nearest is 'income_deprived', allowed are "
            "income_deprived",
        ),
        case(
            "unknown kind", FILE,
            "kind: opposed",
            "kind: oposed",
            "explained.no_car.kind: 'oposed' is not a value of this key; nearest is 'opposed', allowed are comparison, "
            "constant, neighbours, opposed, redundant",
        ),
        case(
            "no reason", FILE,
            ", reason: Buses run where people have no car.",
            "",
            "explained.no_car.reason is missing",
        ),
    ],
)  # fmt: skip
def test_a_broken_sanity_check(root: Path, file: str, old: str, new: str, message: str, at: str | None) -> None:
    assert_fault(root, file, old, new, message, at)


def test_explained_names_exist(contracts: Contracts) -> None:
    known = {*contracts.titles, *contracts.geography.ward_codes}
    for item in contracts.sanity.explained:
        assert item.id in known
        assert item.other_id in {None, *known, *contracts.context}
        assert item.authority in {None, *contracts.geography.authority_codes}

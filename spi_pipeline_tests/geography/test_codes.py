"""Ward codes: current ones pass; former and unknown ones are refused and listed."""

from __future__ import annotations

import pytest

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.geography.codes import check_area_codes

KNOWN = [f"E050147{n}" for n in range(35, 55)]
FORMER = {f"E05002{n}": f"Old {n}" for n in range(193, 212)}


def test_current_codes_pass() -> None:
    check_area_codes(KNOWN + KNOWN, KNOWN, FORMER)
    check_area_codes([], KNOWN, FORMER)


def test_former_and_unknown_codes_are_distinguished() -> None:
    with pytest.raises(SpiError) as caught:
        check_area_codes(["E05014735", "E05002193", "E05002193", "E05001278"], KNOWN, FORMER, "election results")
    message = str(caught.value)
    assert message.startswith(
        "election results holds the former ward codes E05002193 (Old 193) and the unknown area codes E05001278: "
    )


def test_former_codes_alone_are_refused_as_former() -> None:
    with pytest.raises(SpiError, match=r"former ward codes E05002211 \(Old 211\): ") as caught:
        check_area_codes(["E05002211"], KNOWN, FORMER)
    assert "unknown" not in str(caught.value)


def test_ten_codes_are_listed_and_the_rest_counted() -> None:
    with pytest.raises(SpiError) as caught:
        check_area_codes([*FORMER, *(f"X{n:02}" for n in range(12))], KNOWN, FORMER)
    assert "E05002202 (Old 202) and 9 more and the unknown" in str(caught.value)
    assert "E05002203" not in str(caught.value)
    assert "X09 and 2 more: " in str(caught.value)


@pytest.mark.parametrize("missing", [None, float("nan")])
def test_a_missing_code_is_unknown(missing: object) -> None:
    with pytest.raises(SpiError, match=r"unknown area codes \(empty\)"):
        check_area_codes([missing, "E05014735"], KNOWN, FORMER)

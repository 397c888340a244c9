"""The context measures and their ten years, on a town small enough to recompute by hand."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pandas as pd
import pytest
import shapely

from spi_pipeline.contracts.models.indicators import Denominator, Earlier, Measured, MeasurementError
from spi_pipeline.contracts.models.tables import Column
from spi_pipeline.contracts.models.vocabulary import Unit
from spi_pipeline.indicators.context import context_values, decade
from spi_pipeline.indicators.intervals import with_allocation
from spi_pipeline.indicators.values import Wards, ward_values
from spi_pipeline_tests.indicators.test_values import N1, N2, NORTH, S1, S2, SHARE, SMALL, SOUTH, TOWN, close, small
from spi_pipeline_tests.scoring.town import NAN, indicator, source

PERCENT = Unit(title="%", minimum=0, maximum=100)
UNITS = {"percent": PERCENT}
ASKED = [100, 40, 20, 30, 50]
SOURCES = {"survey": source(), "old": source("old", start="2011-03-27", end="2011-03-27")}
EARLIER = Earlier(
    measure="figure", source="old", columns=["had"], denominator=Denominator(column="all"), limits="Asked alike."
)


def measured(name: str = "figure", **measure: Any) -> Measured:
    stated = indicator(name, **measure).model_dump(include=set(Measured.model_fields))
    return Measured(**{**stated, "error": None})


def by_area(table: pd.DataFrame, column: str) -> dict[str, float]:
    assert table["area_code"].is_unique
    return dict(zip(table["area_code"], table[column], strict=True))


def people(kind: str, wards: Wards = TOWN, unit: str = "people") -> pd.DataFrame:
    """Residents of the wards as a total or a density."""
    stated = source()
    column = Column(
        name="residents", type="integer", description="", key=0, required=True, concept="population", unit=unit
    )
    stated = dataclasses.replace(stated, columns=(column,))
    rows = small(residents=[100, 200, 40, 30, 100])
    return ward_values(measured(kind=kind, columns=["residents"]), {"survey": stated}, {"survey": rows}, wards).values


def test_a_total_adds_up_and_has_no_denominator() -> None:
    values = people("total")
    assert by_area(values, "value") == close({N1: 250, N2: 70, S1: 30, S2: 100, NORTH: 320, SOUTH: 130})
    assert by_area(values, "numerator") == by_area(values, "value")
    assert values["denominator"].isna().all()


def test_a_ward_known_only_in_part_has_no_total() -> None:
    rows = small(residents=[100, 200, NAN, 30, 100])
    counted = measured(kind="total", columns=["residents"])
    values = ward_values(counted, {"survey": source()}, {"survey": rows}, TOWN).values
    assert by_area(values, "value") == close({N1: 250, N2: NAN, S1: 30, S2: 100, NORTH: NAN, SOUTH: 130})


def test_an_authority_has_a_total_only_if_all_its_wards_have_one() -> None:
    rows = small(residents=[100, 200, 40, NAN, 100])
    lax = dataclasses.replace(TOWN, least_covered=0.1)
    counted = measured(kind="total", columns=["residents"])
    values = ward_values(counted, {"survey": source()}, {"survey": rows}, lax).values
    assert by_area(values, "value") == close({N1: 250, N2: 70, S1: NAN, S2: 100, NORTH: 320, SOUTH: NAN})


def test_the_error_of_a_shared_total_depends_on_how_household_sizes_differ() -> None:
    values = people("total")
    errors = by_area(values, "allocation_error")
    assert errors[S1] == 0, "wholly inside"
    assert errors[N1] > 0, "its second area has two residents to a household, the others up to three"
    alike = TOWN.weights.assign(households=TOWN.weights["residents"] / 2)
    assert by_area(people("total", dataclasses.replace(TOWN, weights=alike)), "allocation_error")[N1] == 0


def test_a_density_divides_people_by_the_area_of_the_ward() -> None:
    # At Luton, a degree of latitude is some 111 km and one of longitude 69 km.
    corners = {N1: (-0.40, 51.80), N2: (-0.40, 51.81), S1: (-0.40, 51.82)}
    drawn = [shapely.to_wkb(shapely.box(x, y, x + 0.01, y + 0.01)) for x, y in corners.values()]
    boundaries = TOWN.boundaries.assign(geometry=[*drawn, None])
    values = people("density", dataclasses.replace(TOWN, boundaries=boundaries))
    assert by_area(values, "denominator")[N1] == pytest.approx(76.8, rel=0.01)
    assert by_area(values, "value")[N1] == pytest.approx(250 / 76.8, rel=0.01)
    assert by_area(values, "value")[NORTH] == pytest.approx(320 / (2 * 76.8), rel=0.01)
    assert pd.isna(by_area(values, "value")[S2]), "no boundary is drawn"


def test_counts_have_an_interval_only_where_areas_are_shared() -> None:
    share = measured(**SHARE)
    values = ward_values(
        share, {"survey": source()}, {"survey": small(yes=[10, 8, 6, 3, 20], asked=ASKED)}, TOWN
    ).values
    ends = with_allocation(values, share, PERCENT, None)
    unshared = values["allocation_error"] == 0
    assert unshared.sum() == 3, "the southern wards and authority"
    assert (ends["lower"][unshared] == values["value"][unshared]).all()
    assert (ends["upper"][unshared] == values["value"][unshared]).all()
    shared = values[~unshared]
    assert ends["upper"][~unshared].to_numpy() == pytest.approx(shared["value"] + 1.959964 * shared["allocation_error"])


def test_published_limits_and_the_allocation_error_add_in_quadrature_within_the_unit() -> None:
    values = pd.DataFrame({"value": [10.0, 99.0, NAN], "allocation_error": [4 / 1.959964, 0.0, NAN]})
    limits = pd.DataFrame({"lower": [7.0, 90.0, NAN], "upper": [16.0, 104.0, NAN]})
    ends = with_allocation(values, measured(**SHARE), PERCENT, limits)
    assert ends["lower"].tolist() == pytest.approx([10 - 5, 90, NAN], nan_ok=True)
    assert ends["upper"].tolist() == pytest.approx([10 + np.hypot(6, 4), 100, NAN], nan_ok=True)


def test_a_stated_error_is_added_too() -> None:
    modelled = measured(**SHARE)
    modelled = modelled.model_copy(
        update={"error": MeasurementError(evidence="dispersion", relative_sd=0.1, reason="Said.")}
    )
    values = pd.DataFrame({"value": [50.0], "allocation_error": [0.0]})
    assert with_allocation(values, modelled, PERCENT, None)["lower"].tolist() == pytest.approx([50 - 1.959964 * 5])


def test_context_rows_name_their_measure_unit_and_source() -> None:
    table = context_values(
        [measured(**SHARE)], {"survey": source()}, UNITS, {"survey": small(yes=[10, 8, 6, 3, 20], asked=ASKED)}, TOWN
    )
    row = table.set_index("area_code").loc[N1]
    assert row[["measure_id", "title", "unit", "source_id"]].tolist() == ["figure", "figure", "%", "survey"]
    assert row[["numerator", "denominator", "value"]].tolist() == pytest.approx([16, 130, 1600 / 130])
    assert (table["lower"] <= table["value"]).all()


def test_a_change_over_ten_years_has_a_verdict_only_if_its_interval_excludes_zero() -> None:
    now, then = small(yes=[10, 8, 6, 3, 20], asked=ASKED), small(had=[10, 8, 6, 9, 10], all=ASKED)
    table = decade(
        [(measured(**SHARE), EARLIER)], SOURCES, UNITS, {"survey": now, "old": then}, TOWN, indicators={"figure"}
    )
    assert by_area(table, "change") == close({N1: 0, N2: 0, S1: -20, S2: 20, NORTH: 0, SOUTH: 100 * (23 - 19) / 80})
    verdicts = dict(zip(table["area_code"], table["verdict"], strict=True))
    assert verdicts == {
        N1: "cannot be told", N2: "cannot be told", S1: "fell", S2: "rose", NORTH: "cannot be told", SOUTH: "rose",
    }  # fmt: skip
    assert table["in_index"].all()
    assert set(map(str, table["earlier_end"])) == {"2011-03-27"}
    one, other = (
        by_area(ward_values(each, SOURCES, {"survey": now, "old": then}, TOWN).values, "allocation_error")[N1]
        for each in (measured(**SHARE), EARLIER.of(measured(**SHARE)))
    )
    assert by_area(table, "upper")[N1] == pytest.approx(1.959964 * np.hypot(one, other))
    assert len(SMALL) == 5


def test_an_area_without_an_earlier_figure_has_neither_value_nor_verdict() -> None:
    now, then = small(yes=[10, 8, 6, 3, 20], asked=ASKED), small(had=[10, 8, 6, NAN, 10], all=ASKED)
    table = decade([(measured(**SHARE), EARLIER)], SOURCES, UNITS, {"survey": now, "old": then}, TOWN, indicators=set())
    row = table.set_index("area_code").loc[S1]
    assert row[["earlier", "later", "change", "lower", "upper", "verdict"]].isna().all()

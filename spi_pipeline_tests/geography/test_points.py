"""Points are placed in the ward that contains them, and incidents in the ward with most of their small area."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from spi_pipeline.geography.points import place_points, place_whole

# Unit squares in degrees: shared edges are exact in binary.
WARDS = pd.DataFrame(
    {
        "area_code": ["W3", "W1", "W2"],
        "geometry": [shapely.to_wkb(shapely.box(x, 0, x + 1, 1)) for x in (2, 0, 1)],
    }
)


@pytest.mark.parametrize(
    ("x", "y", "ward"),
    [
        (0.5, 0.5, "W1"),
        (2.5, 0.5, "W3"),
        (1.0, 0.5, "W1"),
        (2.0, 1.0, "W2"),
        (0.0, 0.0, "W1"),
        (3.5, 0.5, None),
        (0.5, -1e-9, None),
        (np.nan, 0.5, None),
        (0.5, np.nan, None),
        (np.inf, 0.5, None),
    ],
)
def test_one_point(x: float, y: float, ward: str | None) -> None:
    assert place_points(np.array([x]), np.array([y]), WARDS).tolist() == [ward]


def test_order_repeats_and_missing_values_are_preserved() -> None:
    x = pd.Series([2.5, None, 0.5, 2.5, 9.0], index=[7, 7, 1, 0, 3])
    assert place_points(x, pd.Series([0.5] * 5), WARDS).tolist() == ["W3", None, "W1", "W3", None]


def test_columns_of_integers_with_gaps() -> None:
    x = pd.Series([1, None], dtype="Int64")
    assert place_points(x, pd.Series([0, 0], dtype="Int64"), WARDS).tolist() == ["W1", None]


def test_no_polygons() -> None:
    """Wards of an authority placed by best fit have no boundaries."""
    wards = WARDS.assign(geometry=None)
    assert place_points(np.array([0.5, np.nan]), np.array([0.5, 0.5]), wards).tolist() == [None, None]


def test_no_points() -> None:
    assert place_points(np.array([]), np.array([]), WARDS).tolist() == []


def test_a_ward_of_two_pieces_and_a_self_touching_ring() -> None:
    pieces = shapely.MultiPolygon([shapely.box(0, 0, 1, 1), shapely.box(5, 5, 6, 6)])
    bow = shapely.Polygon([(10, 0), (12, 2), (12, 0), (10, 2)])
    wards = pd.DataFrame({"area_code": ["P", "Q"], "geometry": [shapely.to_wkb(pieces), shapely.to_wkb(bow)]})
    x, y = np.array([0.5, 5.5, 3.0, 10.2, 11.9]), np.array([0.5, 5.5, 3.0, 1.0, 1.0])
    assert place_points(x, y, wards).tolist() == ["P", "P", None, "Q", "Q"]


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(-1, 4), st.floats(-1, 2)), max_size=30))
def test_agrees_with_arithmetic(points: list[tuple[float, float]]) -> None:
    def ward(x: float, y: float) -> str | None:
        return next((f"W{n}" for n in (1, 2, 3) if n - 1 <= x <= n and 0 <= y <= 1), None)

    x, y = np.array([p[0] for p in points]), np.array([p[1] for p in points])
    assert place_points(x, y, WARDS).tolist() == [ward(*p) for p in points]


def test_incidents_go_whole_to_the_ward_with_most_of_their_small_area() -> None:
    weights = pd.DataFrame(
        [
            ("E01000001", "E05000002", 0.4), ("E01000001", "E05000001", 0.6),
            ("E01000002", "E05000002", 0.5), ("E01000002", "E05000001", 0.5),
        ],
        columns=["small_area_code", "area_code", "weight"],
    )  # fmt: skip
    codes = pd.Series(["E01000002", "E01000001", None, "E01000009"], dtype=object)
    assert place_whole(codes, weights).tolist() == ["E05000001", "E05000001", None, None]

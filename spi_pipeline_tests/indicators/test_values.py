"""Values of wards and authorities from the rows of a source: shares, rates, means, windows and missing figures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.indicators.values import VALUE_COLUMNS, Wards, WardValues, ward_values
from spi_pipeline_tests.scoring.town import NAN, indicator, source

# Each authority has two wards. The northern wards share the second small area; half of the third is in no ward.
N1, N2, S1, S2 = WARDS = ["E05000001", "E05000002", "E05000003", "E05000004"]
NORTH, SOUTH = "E06000001", "E06000002"
SMALL = [f"E0100000{number}" for number in range(1, 6)]
TOWN = Wards(
    boundaries=pd.DataFrame({"area_code": WARDS, "parent_code": [NORTH, NORTH, SOUTH, SOUTH]}),
    weights=pd.DataFrame(
        [
            ("lsoa21", SMALL[0], N1, 1.0, 100.0),
            ("lsoa21", SMALL[1], N1, 0.75, 200.0),
            ("lsoa21", SMALL[1], N2, 0.25, 200.0),
            ("lsoa21", SMALL[2], N2, 0.5, 40.0),
            ("lsoa21", SMALL[2], "outside", 0.5, 40.0),
            ("lsoa21", SMALL[3], S1, 1.0, 30.0),
            ("lsoa21", SMALL[4], S2, 1.0, 100.0),
        ],
        columns=["geography", "small_area_code", "area_code", "weight", "residents"],
    ).assign(
        household_weight=[1, 0.5, 0.5, 0.5, 0.5, 1, 1],
        households=[40.0, 100.0, 100.0, 20.0, 20.0, 10.0, 50.0],
        method="parts",
    ),
    least_covered=0.65,
)
SHARE = {"kind": "share", "columns": ["yes"], "denominator": {"column": "asked"}}
WINDOW = {"months": 12}
CRIME = {
    "kind": "rate",
    "columns": ["crimes"],
    "denominator": {"source": "census", "column": "residents"},
    "per": 1000,
    "window": WINDOW,
}


def small(**columns: Sequence[object]) -> pd.DataFrame:
    return pd.DataFrame({"area_code": SMALL, **columns})


CENSUS = small(residents=[100, 200, 40, 30, 100])


def computed(measure: dict[str, Any], rows: pd.DataFrame, **contract: Any) -> WardValues:
    sources = {"survey": source(**contract), "census": source("census")}
    return ward_values(indicator("figure", **measure), sources, {"survey": rows, "census": CENSUS}, TOWN)


def values(got: WardValues, column: str = "value") -> dict[str, float]:
    assert list(got.values.columns) == VALUE_COLUMNS
    assert got.values["area_code"].is_unique, "one period only"
    return dict(zip(got.values["area_code"], got.values[column], strict=True))


def close(expected: dict[str, float]) -> Any:
    return pytest.approx(expected, nan_ok=True)


def test_wards_that_share_their_only_area_have_no_value() -> None:
    # As in the City of London, whose five wards share one MSOA: its figure does not show how the wards differ.
    alone = pd.DataFrame({"area_code": [SMALL[1]], "yes": [50], "asked": [200]})
    got = computed(SHARE, alone)
    assert values(got) == close(dict.fromkeys([*WARDS, NORTH, SOUTH], NAN))
    both = pd.DataFrame({"area_code": SMALL[:2], "yes": [10, 50], "asked": [100, 200]})
    shared = computed(SHARE, both)
    assert values(shared)[N1] == pytest.approx(19), "with two areas there is a value, 47.5 of 250"
    assert values(shared, "allocation_error")[N1] > 0


def test_counts_by_authority_have_no_ward_values() -> None:
    rows = pd.DataFrame({"area_code": [NORTH, NORTH, SOUTH], "year": [2021, 2021, 2021], "cases": [3, 4, 26]})
    rate = {
        "kind": "rate",
        "columns": ["cases"],
        "denominator": {"source": "census", "column": "residents"},
        "per": 1000,
    }
    got = computed(rate, rows, levels=("authority",), column="year")
    # Half of the third small area lies outside every ward: 100 + 200 + 20 residents in the north.
    assert values(got, "denominator") == close({NORTH: 320, SOUTH: 130, **dict.fromkeys(WARDS, NAN)})
    assert values(got) == close({NORTH: 7 / 0.32, SOUTH: 200, **dict.fromkeys(WARDS, NAN)})


def test_a_share_adds_first_and_divides_last() -> None:
    got = computed(SHARE, small(yes=[10, 8, 6, 3, 20], asked=[100, 40, 20, 30, 50]))
    # N1: 10 + 3/4 of 8 of 100 + 3/4 of 40; N2: 1/4 of 8 + 1/2 of 6 of 10 + 10.
    assert values(got, "numerator") == close({N1: 16, N2: 5, S1: 3, S2: 20, NORTH: 21, SOUTH: 23})
    assert values(got, "denominator") == close({N1: 130, N2: 20, S1: 30, S2: 50, NORTH: 150, SOUTH: 80})
    assert values(got) == close({N1: 1600 / 130, N2: 25, S1: 10, S2: 40, NORTH: 14, SOUTH: 28.75})
    assert got.unplaced == 3, "half of the third small area"
    assert set(got.values["period_start"]) == {pd.Timestamp(2021, 1, 1)}
    assert set(got.values["period_end"]) == {pd.Timestamp(2021, 12, 31)}


def test_several_columns_are_counted_together() -> None:
    two = SHARE | {"columns": ["yes", "partly"]}
    got = computed(two, small(yes=[10, 8, 6, 3, NAN], partly=[0, 0, 0, 3, 1], asked=[100, 40, 20, 30, 50]))
    assert values(got)[S1] == 20
    assert pd.isna(values(got)[S2]), "one missing column leaves the sum unknown"


def test_only_selected_rows_are_counted() -> None:
    rows = pd.concat(
        [small(yes=[1] * 5, asked=[10] * 5, sex="F"), small(yes=[9] * 5, asked=[10] * 5, sex="M")], ignore_index=True
    )
    assert set(values(computed(SHARE | {"where": {"sex": ["F"]}}, rows)).values()) == {10.0}


def test_a_missing_numerator_drops_its_denominator_and_low_coverage_is_missing() -> None:
    # N1 keeps 150 of 250 residents, below 65 %; without the third area N2 keeps 50 of 70, above it.
    got = computed(SHARE, small(yes=[NAN, 8, NAN, 3, 20], asked=[100, 40, 20, 30, 50]))
    assert values(got, "denominator") == close({N1: NAN, N2: 10, S1: 30, S2: 50, NORTH: NAN, SOUTH: 80})
    # One of two wards is not enough for the authority either.
    assert values(got) == close({N1: NAN, N2: 20, S1: 10, S2: 40, NORTH: NAN, SOUTH: 28.75})
    covered = {N1: 150 / 250, N2: 50 / 70, S1: 1, S2: 1, NORTH: 25 / 70, SOUTH: 1}
    assert values(got, "covered") == close(covered)


def test_a_ward_known_only_through_a_shared_area_has_no_value() -> None:
    nothing = {"yes": [NAN, 80, NAN, NAN, NAN], "asked": [100, 200, 40, 30, 50]}
    # 50 of the ward's 70 residents live in it, but no figure shows how they differ from the rest of the small area.
    alone = computed(SHARE, small(**nothing))
    assert pd.isna(values(alone)[N2])
    assert values(alone, "covered")[N2] == 0
    two = computed(SHARE, small(**nothing | {"yes": [NAN, 80, 4, NAN, NAN]}))
    assert not pd.isna(values(two)[N2])


def test_a_missing_denominator_drops_its_numerator_and_an_unknown_authority_is_missing() -> None:
    got = computed(SHARE, small(yes=[10, 8, 6, 3, 20], asked=[100, 40, NAN, NAN, 0]))
    assert values(got) == close({N1: 1600 / 130, N2: 20, S1: NAN, S2: NAN, NORTH: 100 * 18 / 140, SOUTH: NAN})
    assert (values(got, "covered")[S1], values(got, "covered")[S2]) == (0, 0), (
        "one is unknown, the other has no residents"
    )
    assert got.unplaced == 0


@settings(max_examples=10, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 500), st.floats(0, 1)), min_size=5, max_size=5))
def test_a_share_conserves_counts_and_stays_between_the_shares_of_its_parts(cells: list[tuple[int, float]]) -> None:
    yes = [asked * part for asked, part in cells]
    got = computed(SHARE, small(yes=yes, asked=[asked for asked, _ in cells]))
    by_ward = values(got, "numerator")
    assert sum(by_ward[ward] for ward in WARDS) + got.unplaced == pytest.approx(sum(yes))
    assert by_ward[NORTH] == pytest.approx(by_ward[N1] + by_ward[N2])
    parts = [100 * part for _, part in cells]
    assert min(parts[:2]) - 1e-9 <= values(got)[N1] <= max(parts[:2]) + 1e-9
    assert min(parts[:3]) - 1e-9 <= values(got)[NORTH] <= max(parts[:3]) + 1e-9


def test_a_rate_of_small_areas_divides_by_another_source() -> None:
    measure = {key: value for key, value in CRIME.items() if key != "window"}
    got = computed(measure, small(crimes=[10, 8, 6, 3, NAN]))
    # N1: 16 of 250 residents, N2: 5 of 50 + 20.
    assert values(got) == close({N1: 64, N2: 5000 / 70, S1: 100, S2: NAN, NORTH: 21000 / 320, SOUTH: NAN})
    assert got.unplaced == 3


RATE = {
    "kind": "rate",
    "columns": ["yes"],
    "denominator": {"source": "census", "column": "residents"},
    "per": 1000,
}


def test_a_count_of_part_of_a_ward_is_not_divided_by_the_whole() -> None:
    got = values(computed(RATE, small(yes=[10, NAN, 6, 3, 20])))
    # Both northern wards hold part of the second small area, whose count is unknown.
    assert got == close({N1: NAN, N2: NAN, S1: 100, S2: 200, NORTH: NAN, SOUTH: 23000 / 130})


def test_a_small_area_without_a_row_counts_as_unknown() -> None:
    got = values(computed(RATE, small(yes=[10, 8, 6, 3, 20]).iloc[[0, 2, 3, 4]]))
    assert got == close({N1: NAN, N2: NAN, S1: 100, S2: 200, NORTH: NAN, SOUTH: 23000 / 130})


def test_a_count_of_a_ward_is_not_divided_by_part_of_it() -> None:
    census = CENSUS.assign(residents=[100, 200, NAN, 30, 100])
    sources = {"survey": source(), "census": source("census")}
    tables = {"survey": small(yes=[10, 8, 6, 3, 20]), "census": census}
    got = values(ward_values(indicator("figure", **RATE), sources, tables, TOWN))
    # Half of the third small area, whose residents are unknown, is in the second ward.
    assert got == close({N1: 64, N2: NAN, S1: 100, S2: 200, NORTH: NAN, SOUTH: 23000 / 130})


def test_a_rate_within_one_table_is_formed_year_by_year_like_a_share() -> None:
    measure = {"kind": "rate", "columns": ["yes"], "denominator": {"column": "asked"}, "per": 1000}
    rows = pd.concat(
        [small(yes=[n, n, n, NAN, n], asked=[10] * 5, year=year) for n, year in ((1, 2020), (2, 2022))],
        ignore_index=True,
    )
    got = computed(measure, rows, column="year").values
    for year, expected in ((2020, 100.0), (2022, 200.0)):
        part = got[got["period_end"] == pd.Timestamp(year, 12, 31)].set_index("area_code")["value"]
        assert part.to_dict() == close({N1: expected, N2: expected, S1: NAN, S2: expected, NORTH: expected, SOUTH: NAN})


def test_output_areas_are_used_where_known_and_larger_areas_elsewhere() -> None:
    oa = ["E00000001", "E00000002"]
    weights = pd.DataFrame(
        [
            ("oa21", oa[0], N1, 1.0, 10.0, "postcodes"),
            ("oa21", oa[1], N1, 1.0, 30.0, "postcodes"),
            ("lsoa21", SMALL[0], N1, 1.0, 40.0, "parts"),
            ("lsoa21", SMALL[3], S1, 1.0, 30.0, "best_fit"),
        ],
        columns=["geography", "small_area_code", "area_code", "weight", "residents", "method"],
    )
    town = Wards(TOWN.boundaries, weights, 0.65)

    def shares(rows: pd.DataFrame) -> dict[str, float]:
        return values(ward_values(indicator("figure", **SHARE), {"survey": source()}, {"survey": rows}, town))

    rows = pd.DataFrame({"area_code": [*oa, SMALL[3]], "yes": [1, 2, 3], "asked": [10, 10, 10]})
    assert shares(rows) == close({N1: 15, N2: NAN, S1: 30, S2: NAN, NORTH: NAN, SOUTH: NAN})
    # Without its output area's row, the ward lacks a quarter of its residents, or three quarters.
    assert shares(rows.iloc[1:])[N1] == 20
    assert pd.isna(shares(rows.iloc[[0, 2]])[N1])
    both = pd.concat([rows, rows.iloc[:1].assign(area_code=SMALL[0])])
    with pytest.raises(SpiError, match=f"no weights for small areas of the figures, {SMALL[0]}"):
        shares(both)


def test_a_share_published_by_ward_needs_no_allocation() -> None:
    rows = pd.DataFrame({"area_code": [N1, N2, S2], "yes": [30, 10, NAN], "asked": [100, 100, 50]})
    wards = Wards(TOWN.boundaries, pd.DataFrame(), 0.65)
    tables, sources = {"survey": rows}, {"survey": source(levels=["ward"])}
    got = ward_values(indicator("figure", **SHARE), sources, tables, wards)
    assert values(got) == close({N1: 30, N2: 10, S1: NAN, S2: NAN, NORTH: 20, SOUTH: NAN})


def test_a_filter_that_leaves_no_row_is_named() -> None:
    rows = small(yes=[1, 1, 1, 1, 1], kind=["theft"] * 5)
    with pytest.raises(SpiError, match="no row of source survey has kind arson"):
        computed(RATE | {"where": {"kind": ["arson"]}}, rows)


def points(months: Sequence[str], kind: str = "theft", ward: str | None = N1, crimes: int = 1) -> pd.DataFrame:
    has_place = ward is not None
    return pd.DataFrame(
        {"month": list(months), "crime_type": kind, "ward_code": ward, "has_place": has_place, "crimes": crimes}
    )


def run_of_months(first: str, count: int) -> list[str]:
    return [str(month) for month in pd.period_range(first, periods=count, freq="M")]


def police(rows: pd.DataFrame, **measure: Any) -> WardValues:
    return computed(CRIME | measure, rows, levels=["point"], column="month")


def test_points_are_counted_over_twelve_months_and_a_ward_without_points_counts_zero() -> None:
    year = run_of_months("2023-05", 12)
    got = police(pd.concat([points(year), points(year, ward=S2), points(year[:1], ward=S2)], ignore_index=True))
    assert values(got, "numerator") == close({N1: 12, N2: 0, S1: 0, S2: 13, NORTH: 12, SOUTH: 13})
    assert values(got) == close({N1: 48, N2: 0, S1: 0, S2: 130, NORTH: 12000 / 320, SOUTH: 100})
    assert got.unplaced == 0
    assert set(got.values["period_start"]) == {pd.Timestamp(2023, 5, 1)}
    assert set(got.values["period_end"]) == {pd.Timestamp(2024, 4, 30)}


def test_a_point_in_no_ward_is_unplaced_only_without_coordinates() -> None:
    year = run_of_months("2023-05", 12)
    beyond = points(year[:1], ward=None, crimes=7).assign(has_place=True)
    nowhere = points(year[:1], ward=None, crimes=3)
    got = police(pd.concat([points(year), beyond, nowhere], ignore_index=True))
    assert got.unplaced == 3
    assert values(got, "numerator")[NORTH] == 12, "neither is in a ward"


def test_a_month_without_the_counted_kind_counts_zero() -> None:
    year = run_of_months("2023-05", 12)
    rows = pd.concat([points(year[:3]), points(year[3:], kind="arson")], ignore_index=True)
    assert values(police(rows, where={"crime_type": ["theft"]}), "numerator")[N1] == 3


def test_windows_end_with_the_newest_month_and_earlier_incomplete_windows_are_left_out() -> None:
    got = police(points(run_of_months("2022-03", 29))).values
    assert sorted(got["period_end"].unique()) == [pd.Timestamp(2023, 7, 31), pd.Timestamp(2024, 7, 31)]
    assert sorted(got["period_start"].unique()) == [pd.Timestamp(2022, 8, 1), pd.Timestamp(2023, 8, 1)]
    assert set(got.loc[got["area_code"] == N1, "numerator"]) == {12}


@pytest.mark.parametrize("absent", ["2023-05", "2023-11", "2024-04"])
def test_eleven_months_give_no_value(absent: str) -> None:
    months = [month for month in run_of_months("2023-05", 12) if month != absent]
    with pytest.raises(SpiError, match="indicator figure: source survey holds no whole period; see its window"):
        police(points(months))


def test_a_gap_spoils_its_own_window_only() -> None:
    months = [month for month in run_of_months("2022-05", 24) if month != "2022-08"]
    assert set(police(points(months)).values["period_end"]) == {pd.Timestamp(2024, 4, 30)}


def test_an_authority_whose_force_did_not_publish_a_month_is_missing_and_not_zero() -> None:
    year = run_of_months("2023-05", 12)
    got = police(pd.concat([points(year), points(year[:11], ward=S2)], ignore_index=True))
    assert values(got) == close({N1: 48, N2: 0, S1: NAN, S2: NAN, NORTH: 12000 / 320, SOUTH: NAN})


def test_each_authority_has_the_windows_that_are_whole_for_it() -> None:
    months = run_of_months("2022-05", 24)
    rows = pd.concat([points(months[:12]), points(months[12:], ward=S2), points(months[14:])], ignore_index=True)
    known = police(rows).values.dropna(subset=["value"])
    assert set(zip(known["area_code"], known["period_end"].dt.year, strict=True)) == {
        (N1, 2023), (N2, 2023), (NORTH, 2023), (S1, 2024), (S2, 2024), (SOUTH, 2024),
    }  # fmt: skip


def test_a_mean_is_weighted_by_its_denominator() -> None:
    measure = {"kind": "mean", "columns": ["score"], "denominator": {"column": "pupils"}}
    got = computed(measure, small(score=[1, 3, 5, 7, 9], pupils=[10, 20, 4, 1, 3]))
    # N1: (1 × 10 + 3 × 15) / 25; N2: (3 × 5 + 5 × 2) / 7; north: (55 + 25) / 32; south: (7 + 27) / 4.
    assert values(got) == close({N1: 55 / 25, N2: 25 / 7, S1: 7, S2: 9, NORTH: 80 / 32, SOUTH: 34 / 4})
    assert got.values["numerator"].isna().all()
    assert got.unplaced == 0


def test_a_mean_without_denominator_is_weighted_by_residents_and_needs_65_percent_of_them() -> None:
    got = computed({"kind": "mean", "columns": ["score"]}, small(score=[NAN, 3, NAN, 7, 9]))
    # The mean is known for 150 of N1's 250 residents and 50 of N2's 70.
    assert values(got) == close({N1: NAN, N2: 3, S1: 7, S2: 9, NORTH: NAN, SOUTH: (7 * 30 + 9 * 100) / 130})


def test_a_mean_of_homes_is_weighted_by_households_and_needs_65_percent_of_them() -> None:
    got = computed({"kind": "mean", "columns": ["score"], "weighted_by": "households"}, small(score=[3, 6, NAN, 7, 9]))
    north = (3 * 40 + 6 * 100) / 140
    # N2 has 50 of its 60 homes in the second small area, 50 of 90 residents.
    assert values(got) == close({N1: (3 * 40 + 6 * 50) / 90, N2: 6, S1: 7, S2: 9, NORTH: north, SOUTH: 520 / 60})


def test_a_mean_published_by_ward_is_taken_as_it_is() -> None:
    rows = pd.DataFrame({"area_code": [N1, N2, S2], "turnout": [20, 40, NAN], "electorate": [300, 100, 50]})
    measure = {"kind": "mean", "columns": ["turnout"], "denominator": {"column": "electorate"}}
    got = computed(measure, rows, levels=["ward"])
    assert values(got) == close({N1: 20, N2: 40, S1: NAN, S2: NAN, NORTH: 25, SOUTH: NAN})
    assert values(got, "denominator") == close({N1: 300, N2: 100, S1: NAN, S2: NAN, NORTH: 400, SOUTH: NAN})


def test_each_year_of_a_source_is_a_period() -> None:
    rows = pd.concat(
        [small(yes=[n] * 5, asked=[10] * 5, year=year) for n, year in ((1, 2020), (2, 2022))], ignore_index=True
    )
    got = computed(SHARE, rows, column="year").values
    assert got.groupby("period_end")["value"].unique().map(list).to_dict() == {
        pd.Timestamp(2020, 12, 31): [10.0],
        pd.Timestamp(2022, 12, 31): [20.0],
    }
    assert set(got["period_start"]) == {pd.Timestamp(2020, 1, 1), pd.Timestamp(2022, 1, 1)}


def test_a_geography_without_allocation_is_named() -> None:
    rows = small(yes=[1] * 5, asked=[2] * 5)
    with pytest.raises(SpiError, match="source survey has figures by lsoa11, which cannot be allocated to wards"):
        computed(SHARE, rows, vintage=2011)

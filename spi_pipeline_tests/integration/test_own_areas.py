"""A council's own areas: added by command, scored among the wards, and never disclosing withheld counts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
import shapely

from spi_pipeline.cli.own.area import placement_data
from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.contracts.models.own_areas import OwnArea
from spi_pipeline.geography.own_areas import PlacementData, overlaps, own_area_row, own_weights, place
from spi_pipeline.snapshot.embedded import read_embedded
from spi_pipeline.steps.inputs import YEAR, Inputs
from spi_pipeline.steps.own_areas import own_area_steps
from spi_pipeline.steps.step import compute
from spi_pipeline_tests.integration.councils import council_in
from spi_pipeline_tests.integration.fixtures import Command
from spi_pipeline_tests.integration.sandboxes import SNAPSHOT, Sandbox, copied

TOWN = "E06000032"
ROUND_GREEN, STOPSLEY, VAUXHALL = "E05014748", "E05014751", "E05014753"
FIGURES = ["value", "lower", "upper", "allocation_error", "denominator"]


@pytest.fixture(scope="module")
def wards() -> dict[str, shapely.Geometry]:
    frame = read_embedded(SNAPSHOT, "wards").table.to_pandas()
    polygons = shapely.make_valid(shapely.from_wkb(frame["geometry"].to_numpy()))
    return dict(zip(frame["area_code"], polygons, strict=True))


@pytest.fixture(scope="module")
def three(wards: Mapping[str, shapely.Geometry]) -> OwnArea:
    """A disc around the point where three wards meet."""
    own = [wards[code] for code in (ROUND_GREEN, STOPSLEY, VAUXHALL)]
    middle = shapely.intersection_all([shapely.buffer(one, 4e-4) for one in own]).centroid
    disc = shapely.intersection(middle.buffer(0.012), shapely.union_all(own))
    return OwnArea(id="board", title="Board", outline=shapely.to_wkt(disc, rounding_precision=6))


@pytest.fixture(scope="module")
def placement(refreshed: Sandbox) -> PlacementData:
    return placement_data(refreshed.settings)


def compute_areas(
    sandbox: Sandbox, contracts: Contracts, *areas: OwnArea, last: str = "own_area_score"
) -> dict[str, pd.DataFrame]:
    """The tables that the steps compute for some areas from a refreshed store, up to the step ``last``."""
    extended = replace(contracts, own_areas={area.id: area for area in areas})
    computed: dict[str, pa.Table] = {}
    for step in own_area_steps(extended):
        stored = tuple(name for name in step.inputs if name != YEAR and name not in computed)
        given = sandbox.runner.reader.inputs(replace(step, inputs=stored))
        read = {name: given[name] for name in stored} | {
            name: computed[name] for name in step.inputs if name in computed
        }
        year = int(sandbox.query("SELECT max(edition) FROM edition")[0][0])
        inputs = Inputs(read | {YEAR: year}, dict.fromkeys((*read, YEAR), ""), {})
        computed |= compute(step, extended, inputs)
        if step.name == last:
            break
    return {name: table.to_pandas() for name, table in computed.items()}


@pytest.fixture(scope="module")
def tables(refreshed: Sandbox, three: OwnArea, wards: Mapping[str, shapely.Geometry]) -> dict[str, pd.DataFrame]:
    outline = shapely.to_wkt(wards[STOPSLEY], rounding_precision=6)
    areas = [
        three,
        OwnArea(id="ward", title="A ward", outline=outline),
        OwnArea(id="town", title="The town", codes=sorted(wards)),
    ]
    return compute_areas(refreshed, refreshed.contracts, *areas)


@pytest.mark.parametrize(("area", "code"), [("ward", STOPSLEY), ("town", TOWN)])
def test_an_area_equal_to_a_ward_or_the_town_has_its_values_and_scores(
    refreshed: Sandbox, tables: Mapping[str, pd.DataFrame], area: str, code: str
) -> None:
    contracts = refreshed.contracts
    values = pd.concat([refreshed.store.read(f"indicator_value.{item.id}").to_pandas() for item in contracts.active])
    key = ["indicator_id", "edition"]
    own = tables["own_area_value"].query("own_area == @area").set_index(key).sort_index()
    published = values.query("area_code == @code").set_index(key).sort_index()
    anchored = [item.id for item in contracts.active if item.measure.level]
    # Anchored indicators are left out for the town: the area adds its wards' errors of movement as if all had the
    # same sign, while the town's own count is more certain.
    rows = ~own.index.get_level_values(0).isin(anchored) if area == "town" else slice(None)
    pd.testing.assert_frame_equal(own.loc[rows, FIGURES], published.loc[rows, FIGURES], rtol=1e-12)
    pd.testing.assert_series_equal(own["value"], published["value"], rtol=1e-12)
    pd.testing.assert_series_equal(own["status"], published["status"])
    assert not own["estimated"].any()
    query = "SELECT edition, profile, id, score, rank, coverage FROM score WHERE area_code = ?"
    scores = pd.DataFrame(refreshed.query(query, code), columns=["edition", "profile", "id", "of", "rank", "known"])
    both = tables["own_area_score"].query("own_area == @area").merge(scores.dropna(subset="of"), how="outer")
    assert both["score"].to_numpy(float) == pytest.approx(both["of"].to_numpy(float), rel=1e-12)
    assert both["coverage"].to_numpy(float) == pytest.approx(both["known"].to_numpy(float))
    if area == "ward":
        assert both["place"].to_list() == both["rank"].to_list()


def test_an_area_across_three_wards_is_placed_among_them(
    refreshed: Sandbox, tables: Mapping[str, pd.DataFrame]
) -> None:
    shared = tables["own_area_overlap"].query("own_area == 'board' and kind == 'ward'")
    assert shared["other"].tolist() == [ROUND_GREEN, STOPSLEY, VAUXHALL]
    row = tables["own_area"].set_index("own_area").loc["board"]
    assert shared["shared"].sum() == pytest.approx(row["residents"])
    published = dict(refreshed.query(
        "SELECT area_code, score FROM score WHERE level = 'index' AND profile = 'spi' AND edition = 2026"))  # fmt: skip
    chosen = "own_area == 'board' and level == 'index' and profile == 'spi' and edition == 2026"
    [index] = tables["own_area_score"].query(chosen).to_dict("records")
    own = [published[code] for code in (ROUND_GREEN, STOPSLEY, VAUXHALL)]
    assert min(own) < index["score"] < max(own)
    better = sum(score > index["score"] for code, score in published.items() if code != TOWN)
    assert (index["place"], index["among"]) == (better + 1, 21)
    assert index["score_low"] < index["measured_low"] < index["score"] < index["measured_high"] < index["score_high"]
    assert index["place_low"] <= index["place"] <= index["place_high"]
    values = tables["own_area_value"].query("own_area == 'board' and edition == 2026").set_index("indicator_id")
    assert {"turnout", "theft"} <= set(values.index[values["estimated"]])
    assert values.loc["turnout", "allocation_error"] > 0, "part of a ward may vote differently from the whole ward"
    assert not values.loc["no_qualifications", "estimated"]


def test_outline_output_areas_and_postcodes_of_the_same_area_agree(placement: PlacementData) -> None:
    drawn = placement.finest.query("method == 'postcodes'")
    # Output areas that lie entirely in one ward, so that the outline does not follow the edge of a ward.
    whole = drawn[~drawn["small_area_code"].duplicated(keep=False) & (drawn["area_code"] == STOPSLEY)]
    codes = sorted(whole["small_area_code"])[:12]
    shapes = placement.output_areas.only(pd.Series(codes))
    held = placement.placed_postcodes
    ways = [
        OwnArea(id="area", title="Area", codes=codes),
        OwnArea(id="area", title="Area", postcodes=held.loc[held["cell"].isin(codes), "postcode"].tolist()),
        OwnArea(id="area", title="Area", outline=shapely.to_wkt(shapely.union_all(shapes.polygons))),
    ]
    columns = ["geography", "small_area_code", "ward_code", "weight", "household_weight"]
    listed, *others = (own_weights(place(one, placement), placement)[columns].reset_index(drop=True) for one in ways)
    assert listed.query("geography == 'oa21'")["small_area_code"].tolist() == codes
    for other in others:
        pd.testing.assert_frame_equal(other, listed)


@pytest.mark.parametrize(
    ("area", "message"),
    [
        (
            {"postcodes": ["LU1 1AA", "ZZ9 9ZZ"]},
            "1 of 2 postcodes of area a are not postcodes of this council, for example ZZ99ZZ",
        ),
        ({"codes": ["E05002193"]}, "1 of 1 codes of area a are not output areas"),
        ({"postcodes": ["LU1 1AA"]}, "area a has .* residents, and figures need at least 1,000"),
        ({"outline": "POLYGON ((-0.42 51.9, -0.3 51.9, -0.3 51.95, -0.42 51.95, -0.42 51.9))"}, "lies outside"),
    ],
)
def test_an_area_that_cannot_be_placed_is_refused(
    placement: PlacementData, area: dict[str, list[str]], message: str
) -> None:
    with pytest.raises(SpiError, match=message):
        place(OwnArea(id="a", title="A", **area), placement)


def with_one_more(placement: PlacementData) -> OwnArea:
    """A ward plus one output area of another ward."""
    rows = placement.finest.query("area_code == @ROUND_GREEN and weight == 1 and method == 'postcodes'")
    return OwnArea(id="more", title="One more", codes=[STOPSLEY, rows["small_area_code"].iloc[0]])


def test_a_small_remainder_of_an_area_beyond_a_ward_is_reported_and_withheld(
    refreshed: Sandbox, placement: PlacementData
) -> None:
    more = with_one_more(placement)
    overlap = overlaps(place(more, placement), {}, placement).set_index("kind")
    assert bool(overlap.loc["wards_within", "thin"])
    assert 0 < overlap.loc["wards_within", "area_less_other"] < placement.least
    assert not overlap.loc["wards_touched", "thin"]
    contracts = refreshed.contracts
    source = contracts.sources["census_overcrowding"]
    stated = source.properties.model_copy(update={"minimum_count": 100})
    strict = replace(contracts, sources=contracts.sources | {source.id: replace(source, properties=stated)})
    # It shares nothing with the other area, so no small remainder can be derived.
    ward = OwnArea(id="ward", title="Ward", codes=[VAUXHALL])
    values = compute_areas(refreshed, strict, more, ward, last="own_area_value")["own_area_value"]
    status = values.query("indicator_id == 'overcrowded_homes' and edition == 2026").set_index("own_area")["status"]
    assert status.to_dict() == {"more": "suppressed", "ward": "carried"}
    others = values.query("indicator_id == 'no_qualifications' and edition == 2026")["status"]
    assert set(others) == {"carried"}, "a source that states no minimum may show any count"


def test_a_best_fit_council_accepts_lists_of_lsoas_and_refuses_outlines(tmp_path: Path) -> None:
    placement = placement_data(council_in(tmp_path, "E06000017").settings)  # Rutland
    lsoas = sorted(set(placement.finest["small_area_code"]))[:4]
    listed = place(OwnArea(id="a", title="A", codes=lsoas), placement)
    assert own_area_row(listed, placement)["split_share"] == 0
    weights = own_weights(listed, placement)
    assert set(weights.query("geography == 'lsoa21'")["method"]) == {"listed"}, "nothing is misplaced"
    outline = "POLYGON ((-0.75 52.65, -0.7 52.65, -0.7 52.7, -0.75 52.65))"
    for drawn in ({"outline": outline}, {"postcodes": ["LE15 6HP"]}):
        with pytest.raises(SpiError, match="list the codes of its LSOAs"):
            place(OwnArea(id="a", title="A", **drawn), placement)


def test_an_area_is_added_computed_and_removed_by_the_command(
    refreshed: Sandbox, three: OwnArea, tmp_path: Path, spi: Command
) -> None:
    sandbox = copied(refreshed, tmp_path)
    before = sandbox.digests()
    assert sandbox.query("SELECT count(*) FROM own_area_score") == [(0,)]
    file = tmp_path / "board.geojson"
    file.write_text(shapely.to_geojson(shapely.from_wkt(three.outline)), encoding="utf-8")
    result = spi(sandbox, "area", "add", str(file), "--name", "Neighbourhood board")
    assert result.code == 0
    assert "in Round Green, " in result.out
    assert spi(sandbox, "area", "add", str(file), "--name", "Neighbourhood board").code == 1, "the id is taken"
    assert spi(sandbox, "refresh").code == 0
    after = sandbox.digests()
    assert {name for name in before if after[name] != before[name]} == set(), "no table of a ward changed"
    assert sandbox.query("SELECT area_name, drawn_by FROM own_area") == [("Neighbourhood board", "outline")]
    [(place_, among)] = sandbox.query(
        "SELECT place, among FROM own_area_score WHERE level = 'index' AND profile = 'spi' AND edition = 2026"
    )
    assert 1 <= place_ <= among == 21
    shown = spi(sandbox, "area", "show", "neighbourhood_board").out
    assert f"{place_} of 21" in next(line for line in shown.splitlines() if "Social Progress Index" in line)
    [listed] = json.loads(spi(sandbox, "area", "list", "--json").out)
    assert [ward["name"] for ward in listed["wards"]] == ["Round Green", "Stopsley", "Vauxhall"]
    assert spi(sandbox, "area", "remove", "neighbourhood_board").code == 0
    assert spi(sandbox, "area", "list").out.startswith("There are no areas")
    assert spi(sandbox, "area", "remove", "neighbourhood_board").code == 2

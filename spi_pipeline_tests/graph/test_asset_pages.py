"""An asset's page before the first run: description, owner, publisher, licence, limits and what a score rests on."""

from __future__ import annotations

from pathlib import Path

import dagster as dg

from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.orchestration.build import build_definitions
from spi_pipeline.settings import Settings
from spi_pipeline_tests.graph.snapshot import graph_of


def _spec(defs: dg.Definitions, key: str) -> dg.AssetSpec:
    return next(spec for spec in defs.resolve_all_asset_specs() if spec.key.to_user_string() == key)


def test_every_asset_has_a_description_an_owner_and_a_kind(defs: dg.Definitions, contracts: Contracts) -> None:
    for spec in defs.resolve_all_asset_specs():
        title, text = str(spec.description).split("\n\n", 1)
        assert title.strip(), spec.key
        assert "**" not in str(spec.description), "the catalogue shows a description as it is"
        assert text.strip(), spec.key
        assert spec.owners == [contracts.framework.publication.owner]
        assert spec.kinds


def test_a_source_names_publisher_url_licence_and_contract(defs: dg.Definitions, contracts: Contracts) -> None:
    for name, source in contracts.sources.items():
        if name in contracts.unavailable:
            continue
        metadata = _spec(defs, f"source/{name}").metadata
        assert metadata["publisher"] == source.properties.publisher
        assert metadata["url"].value == source.properties.url
        assert metadata["licence"] in contracts.vocabulary.licences
        assert metadata["attribution"]
        assert str(source.properties.geography.vintage) in metadata["geography"]
        assert Path(metadata["contract"].value) == contracts.root / source.file
        assert Path(metadata["document"].value).is_file()


def test_a_fetch_names_its_publisher(contracts: Contracts, tmp_path: Path) -> None:
    live = build_definitions(Settings(mode="live", store=str(tmp_path / "store")))
    keys = {spec.key.to_user_string() for spec in live.resolve_all_asset_specs()}
    fetched = [key.removeprefix("fetch/") for key in keys if key.startswith("fetch/")]
    assert {"street_crime", "census_residents", "wards"} <= set(fetched)
    for name in fetched:
        properties, spec = contracts.sources[name].properties, _spec(live, f"fetch/{name}")
        assert spec.metadata["publisher"] == properties.publisher
        assert spec.metadata["url"].value == properties.url
        assert spec.metadata["licence"] == properties.terms()
        assert spec.key in {dep.asset_key for dep in _spec(live, f"source/{name}").deps}


def test_an_indicator_carries_unit_direction_goalposts_and_licence(defs: dg.Definitions, contracts: Contracts) -> None:
    for name, indicator in contracts.indicators.items():
        metadata = _spec(defs, f"indicator/{name}").metadata
        assert metadata["unit"] == contracts.vocabulary.units[indicator.unit].title
        assert metadata["direction"] == indicator.direction.replace("_", " ")
        by_reference = indicator.goalposts.source == "reference"
        goalpost_text = (
            "percentile of the wards of England" if by_reference else f"{indicator.goalposts.worst:g} scores 0"
        )
        assert goalpost_text in metadata["goalposts"]
        properties = contracts.sources[indicator.source].properties
        assert metadata["source"].split(", ") == sorted(contracts.sources_of(indicator))
        assert properties.publisher in metadata["publisher"]
        assert properties.licence in metadata["licence"].split(", ")
        assert metadata["limits"] == indicator.limits


def test_scores_are_given_in_points(defs: dg.Definitions) -> None:
    for key, about in graph_of(defs).items():
        if about["group"] in ("components", "dimensions", "index"):
            assert _spec(defs, key).metadata["unit"] == "points, 0 to 100"


def test_a_score_lists_its_elements_and_sources(defs: dg.Definitions, contracts: Contracts) -> None:
    housing = _spec(defs, "component/housing").metadata
    indicators = contracts.indicators_of("housing")
    assert indicators
    for indicator in indicators:
        assert f"| {indicator.title} | {indicator.source} |" in housing["made_of"].value
    assert set(housing["source"].split(", ")) == {name for item in indicators for name in contracts.sources_of(item)}
    index = _spec(defs, f"index/{contracts.framework.id}").metadata
    for dimension in contracts.framework.dimensions:
        assert f"| {dimension.id} | {dimension.title} |" in index["made_of"].value
        assert set(housing["source"].split(", ")) <= set(index["source"].split(", "))
    assert "household_income" not in index["source"]

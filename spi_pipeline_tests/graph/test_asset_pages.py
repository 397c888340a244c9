"""What an analyst finds on an asset's page before anything was computed."""

from __future__ import annotations

import dagster as dg

from spi_pipeline.contracts.loader import Contracts
from spi_pipeline_tests.graph.snapshot import graph_of


def _spec(defs: dg.Definitions, key: str) -> dg.AssetSpec:
    return next(spec for spec in defs.resolve_all_asset_specs() if spec.key.to_user_string() == key)


def test_every_asset_is_described_owned_and_of_a_kind(defs: dg.Definitions, contracts: Contracts) -> None:
    for spec in defs.resolve_all_asset_specs():
        title, text = str(spec.description).split("\n\n", 1)
        assert title.strip("*"), spec.key
        assert text.strip(), spec.key
        assert spec.owners == [contracts.framework.publication.owner]
        assert spec.kinds


def test_a_source_names_publisher_url_licence_and_contract(defs: dg.Definitions, contracts: Contracts) -> None:
    for name, source in contracts.sources.items():
        metadata = _spec(defs, f"source/{name}").metadata
        assert metadata["publisher"] == source.properties.publisher
        assert metadata["url"].value == source.properties.url
        assert metadata["licence"] in contracts.vocabulary.licences
        assert metadata["attribution"]
        assert str(source.properties.geography.vintage) in metadata["geography"]
        assert (contracts.root / metadata["contract"]).is_file()


def test_an_indicator_carries_unit_direction_goalposts_and_licence(defs: dg.Definitions, contracts: Contracts) -> None:
    for name, indicator in contracts.indicators.items():
        metadata = _spec(defs, f"indicator/{name}").metadata
        assert metadata["unit"] == contracts.vocabulary.units[indicator.unit].title
        assert metadata["direction"] == indicator.direction
        by_reference = indicator.goalposts.basis == "reference"
        told = "percentile of the wards of England" if by_reference else f"{indicator.goalposts.worst:g} scores 0"
        assert told in metadata["goalposts"]
        assert metadata["licence"] == contracts.sources[indicator.source].properties.licence
        assert metadata["limits"] == indicator.limits


def test_a_check_says_what_each_rule_promises(defs: dg.Definitions, contracts: Contracts) -> None:
    assets = defs.resolve_asset_graph()
    key = dg.AssetCheckKey(dg.AssetKey(["source", "wards"]), "contract")
    described = str(assets.get_check_spec(key).description)
    errors = [rule for rule in contracts.sources["wards"].rules if rule.severity == "error"]
    assert described.splitlines() == [f"* `{rule.id}`: {rule.description}" for rule in errors]


def test_scores_are_told_in_points(defs: dg.Definitions) -> None:
    for key, about in graph_of(defs).items():
        if about["group"] in ("components", "dimensions", "index"):
            assert _spec(defs, key).metadata["unit"] == ("points" if key == "change/change" else "points, 0 to 100")

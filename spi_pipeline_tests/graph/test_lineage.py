"""Column lineage from the published score down to the publisher's columns, and the previews that a run leaves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from spi_pipeline.contracts.models.contracts import Contracts, contract_of
from spi_pipeline.orchestration.instance import open_instance
from spi_pipeline.orchestration.provenance import key_of
from spi_pipeline.run.plan import build_plan, is_table
from spi_pipeline_tests.integration.sandboxes import Sandbox

Place = tuple[str, str]


@pytest.fixture(scope="module")
def instance(refreshed: Sandbox) -> Iterator[dg.DagsterInstance]:
    with open_instance(refreshed.store.dagster_home) as opened:
        yield opened


def _metadata(instance: dg.DagsterInstance, key: str) -> dict[str, dg.MetadataValue]:
    kind, name = key.split("/")
    event = instance.get_latest_materialization_event(key_of((kind, name)))
    assert event is not None
    assert event.asset_materialization is not None
    return dict(event.asset_materialization.metadata)


def _defined_metadata(defs: dg.Definitions, key: str) -> dict[str, Any]:
    """The metadata in the definition of the asset, without those that a run adds."""
    spec_of_asset = next(spec for spec in defs.resolve_all_asset_specs() if spec.key.to_user_string() == key)
    return dict(spec_of_asset.metadata)


def _origins_of(assets: Mapping[str, Mapping[str, Any]], place: Place) -> list[Place]:
    lineage = assets[place[0]].get("dagster/column_lineage")
    if lineage is None:
        return []
    deps = lineage.deps_by_column.get(place[1], [])
    return [(dep.asset_key.to_user_string(), dep.column_name) for dep in deps]


def test_lineage_leads_from_the_index_to_columns_of_sources(defs: dg.Definitions, contracts: Contracts) -> None:
    assets = {spec.key.to_user_string(): spec.metadata for spec in defs.resolve_all_asset_specs()}
    start = ("joined/score", "score")
    seen: set[Place] = set()
    ends: set[Place] = set()
    remaining = [start]
    while remaining:
        place = remaining.pop()
        if place in seen:
            continue
        seen.add(place)
        origins = _origins_of(assets, place)
        remaining += origins
        if not origins:
            ends.add(place)
    columns = {(f"source/{name}", column.name) for name, table in contracts.sources.items() for column in table.columns}
    assert ends <= columns
    values = {key for key, column in seen if column == "value"}
    assert values == {f"indicator/{item.id}" for item in contracts.active} | {"source/reference"}
    for indicator in contracts.active:
        assert {(f"source/{indicator.source}", name) for name in indicator.measure.columns} <= ends


def test_lineage_refers_to_existing_tables_and_columns(refreshed: Sandbox) -> None:
    contracts = refreshed.contracts
    plan = build_plan(contracts)
    tables = {table for step in plan for table in step.outputs}
    for step in plan:
        for column, origins in step.lineage.items():
            written = [contract_of(table, contracts) for table in step.outputs]
            assert any(contract.column(column) for contract in written), f"{step.label}: {column}"
            for table, name in origins:
                assert table in tables, f"{step.label}: {table}"
                assert table in step.inputs, f"{step.label}: {table}"
                assert contract_of(table, contracts).column(name), f"{step.label}: {table}.{name}"


def test_lineage_is_also_a_readable_table(defs: dg.Definitions, contracts: Contracts) -> None:
    lineage = str(_defined_metadata(defs, "component/housing")["column_lineage"].value)
    for indicator in contracts.indicators_of("housing"):
        assert f"indicator_value.{indicator.id}.value" in lineage


def test_the_schema_follows_the_contract(defs: dg.Definitions, contracts: Contracts) -> None:
    schema = _defined_metadata(defs, "source/census_overcrowding")["dagster/column_schema"]
    columns = contracts.sources["census_overcrowding"].columns
    assert [(column.name, column.type) for column in schema.columns] == [(each.name, each.type) for each in columns]


def test_a_run_leaves_rows_preview_and_provenance(instance: dg.DagsterInstance, refreshed: Sandbox) -> None:
    metadata = _metadata(instance, "source/census_overcrowding")
    version = refreshed.store.current("census_overcrowding")
    assert version is not None
    assert metadata["dagster/row_count"].value == version.rows
    assert "| area_code |" in str(metadata["preview"].value)
    event = instance.get_latest_materialization_event(dg.AssetKey(["source", "census_overcrowding"]))
    assert event is not None
    assert event.asset_materialization is not None
    assert event.asset_materialization.tags is not None
    assert event.asset_materialization.tags["dagster/data_version"] == version.sha256
    origin = refreshed.runner.reader.origins("census_overcrowding")[0]
    assert Path(str(origin["file"])).name in str(metadata["files"].value)
    assert str(origin["sha256"])[:16] in str(metadata["files"].value)


def _preview_cells(instance: dg.DagsterInstance, key: str) -> list[list[str]]:
    """The cells of a preview, row by row."""
    lines = str(_metadata(instance, key)["preview"].value).splitlines()
    return [line.strip("| ").split(" | ") for line in lines if line.startswith("| ")][1:]


def test_the_preview_of_a_score_shows_its_newest_ranking(instance: dg.DagsterInstance, refreshed: Sandbox) -> None:
    index = refreshed.contracts.framework.id
    ranking = refreshed.query(
        "SELECT area_name, format('{:.1f}', score), rank::TEXT, format('{:.0f}%', 100 * coverage) FROM score "
        "JOIN area USING (area_code) WHERE id = ? AND profile = 'spi' AND edition = (SELECT max(edition) FROM score) "
        "ORDER BY rank NULLS LAST",
        index,
    )
    shown = _preview_cells(instance, f"index/{index}")
    assert [tuple(row) for row in shown] == [(name, score, rank or "–", share) for name, score, rank, share in ranking]
    assert len(str(_metadata(instance, f"index/{index}")["preview"].value)) < 1000, (
        "longer texts are shown only behind a link"
    )


def test_the_preview_of_an_indicator_shows_every_ward_by_name(instance: dg.DagsterInstance, refreshed: Sandbox) -> None:
    wards = {ward.name for ward in refreshed.contracts.geography.wards}
    shown = _preview_cells(instance, "indicator/turnout")
    assert wards <= {row[0] for row in shown}
    assert shown[-1] == ["Farley", "–", "–", "missing"]
    values = [float(row[1]) for row in shown[:-1]]
    assert values == sorted(values, reverse=True)


def test_every_preview_fits_the_page(instance: dg.DagsterInstance, refreshed: Sandbox) -> None:
    for step in build_plan(refreshed.contracts):
        if is_table(step.outputs[0]):
            text = str(_metadata(instance, step.label)["preview"].value)
            assert len(text) < 1000, step.label
            assert max(map(len, text.splitlines())) < 100, step.label


def test_the_database_names_its_file_and_counts_its_tables(instance: dg.DagsterInstance, refreshed: Sandbox) -> None:
    metadata = _metadata(instance, "publication/outputs")
    assert metadata["file"].value == str(refreshed.store.database)
    ((scores,),) = refreshed.query("SELECT count(*) FROM score")
    assert f"| score | {scores:,} |" in str(metadata["tables"].value)

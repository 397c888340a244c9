"""The repository's contracts are complete, valid by the standard, and read as they are written."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import open_data_contract_standard
import pytest
import yaml

from spi_pipeline.contracts.errors import Fault, SpiError
from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.contracts.reading.documents import read_document
from spi_pipeline.contracts.schemas import json_schemas, schema_text, write_schemas
from spi_pipeline_tests.contracts.mutation import CONTRACTS

TABLE_FILES = sorted([*CONTRACTS.glob("sources/*.yaml"), *CONTRACTS.glob("products/*.yaml")])


class PlainDates(yaml.SafeLoader):
    """PyYAML's pure Python parser, with dates left as text."""


PlainDates.add_constructor("tag:yaml.org,2002:timestamp", lambda loader, node: node.value)


@cache
def read(file: Path) -> Any:
    return yaml.load(file.read_text(encoding="utf-8"), Loader=PlainDates)


def test_every_file_is_loaded_under_its_own_name(contracts: Contracts) -> None:
    assert sorted(contracts.sources) == sorted(file.stem for file in CONTRACTS.glob("sources/*.yaml"))
    assert sorted(contracts.products) == sorted(file.stem for file in CONTRACTS.glob("products/*.yaml"))
    assert sorted(contracts.framework.components) == sorted(file.stem for file in CONTRACTS.glob("indicators/*.yaml"))


def test_indicators_come_in_framework_order_then_file_order(contracts: Contracts) -> None:
    expected = []
    for dimension in read(CONTRACTS / "framework.yaml")["dimensions"]:
        for component in dimension["components"]:
            file = read(CONTRACTS / "indicators" / f"{component['id']}.yaml")
            expected += [(item["id"], component["id"]) for item in file["indicators"]]
    assert list(contracts.component_of.items()) == expected
    assert list(contracts.indicators) == [name for name, _ in expected]
    for component in contracts.framework.components:
        own = [indicator.id for indicator in contracts.indicators_of(component)]
        assert own == [name for name, parent in expected if parent == component]


def test_titles_cover_every_element_and_the_sources_read_come_first(contracts: Contracts) -> None:
    assert contracts.titles["social_progress_index"] == "Social Progress Index"
    assert contracts.titles["housing"] == "Housing"
    assert contracts.titles["no_central_heating"] == "Homes without central heating (%)"
    assert contracts.sources_of(contracts.indicators["burglary"]) == ["street_crime", "deprivation_2025"]
    assert contracts.sources_of(contracts.indicators["no_central_heating"]) == ["census_central_heating"]
    assert contracts.framework.dimension_of("housing").id == "basic_human_needs"


def test_columns_match_the_contract_files(contracts: Contracts) -> None:
    for table in [*contracts.sources.values(), *contracts.products.values()]:
        written = read(CONTRACTS / table.file)["schema"][0]["properties"]
        assert [column.name for column in table.columns] == [item["name"] for item in written]
        assert [column.required for column in table.columns] == [
            bool(item.get("required") or item.get("primaryKey")) for item in written
        ]
        keys = sorted((item["primaryKeyPosition"], item["name"]) for item in written if item.get("primaryKey"))
        assert list(table.key) == [name for _, name in keys]


def test_ward_names_are_resolved_only_within_their_authority(contracts: Contracts) -> None:
    geography = contracts.geography
    assert geography.ward_code("Saints", "Luton") == "E05014749"
    assert geography.ward_code("Saints", "Medway") is None
    assert geography.ward_code("Icknield", "Luton") is None, "a former ward"
    assert len(geography.ward_codes) == 20
    assert geography.ward_codes == tuple(f"E050{number}" for number in range(14735, 14755))


@pytest.fixture(scope="module")
def standard() -> Any:
    """A validator of the published schema of the standard, taken from its package."""
    schema = json.loads((Path(open_data_contract_standard.__file__).parent / "schema.json").read_text(encoding="utf-8"))
    return jsonschema.validators.validator_for(schema)(schema)


@pytest.mark.parametrize("file", TABLE_FILES, ids=lambda file: file.stem)
def test_table_contracts_are_valid_by_the_published_schema_of_the_standard(standard: Any, file: Path) -> None:
    assert [f"{list(error.absolute_path)}: {error.message}" for error in standard.iter_errors(read(file))] == []


def test_another_parser_reads_every_file_the_same() -> None:
    # The two parsers differ inside braces: libyaml accepts `{a: why?}` and the Python parser does not.
    for file in sorted(CONTRACTS.rglob("*.yaml")):
        faults: list[Fault] = []
        document = read_document(file, file.name, faults)
        assert faults == []
        assert document is not None
        assert document.data == read(file)


@pytest.mark.parametrize("name", sorted(json_schemas()))
def test_the_schemas_for_editors_are_up_to_date(name: str) -> None:
    written = (CONTRACTS / "schema" / name).read_text(encoding="utf-8")
    assert written == schema_text(json_schemas()[name]), "rewrite them with spi_pipeline.contracts.schemas"


def test_the_schemas_accept_the_repository_and_refuse_a_misspelt_key() -> None:
    schemas = json_schemas()
    single = (
        "vocabulary",
        "geography",
        "framework",
        "context",
        "sanity",
        "published_findings",
        "recent",
        "targets",
        "publication",
    )
    files = {f"{name}.json": [CONTRACTS / f"{name}.yaml"] for name in single}
    files |= {
        f"{name}.json": sorted(CONTRACTS.glob(f"{name}/*.yaml")) for name in ("indicators", "corrections", "areas")
    }
    assert sorted(schemas) == sorted(files)
    for name, paths in files.items():
        validator = jsonschema.Draft202012Validator(schemas[name])
        for path in paths:
            assert list(validator.iter_errors(read(path))) == []
            misspelt = validator.iter_errors({**read(path), "tilte": "x"})
            assert [error.validator for error in misspelt] == ["additionalProperties"]


def test_schemas_are_written_completely_and_an_unusable_folder_is_reported(tmp_path: Path) -> None:
    write_schemas(tmp_path / "new" / "schema")
    for name, schema in json_schemas().items():
        text = (tmp_path / "new" / "schema" / name).read_text(encoding="utf-8")
        assert json.loads(text) == schema
        assert text.startswith(('{\n  "$defs"', '{\n  "$schema"'))
        assert text.endswith("}\n")
    (tmp_path / "file").write_text("")
    with pytest.raises(SpiError, match=r"^the schemas were not written to .*schema: "):
        write_schemas(tmp_path / "file" / "schema")

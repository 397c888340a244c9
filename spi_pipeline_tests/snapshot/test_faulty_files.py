"""Each fault put into each file of a folder: the table equals the clean one, or it is refused with a sentence."""

from __future__ import annotations

import contextlib
import gzip
import io
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.publishers.files.areas import Areas
from spi_pipeline.publishers.files.folder import Folder
from spi_pipeline.publishers.offers import OFFERS
from spi_pipeline_tests.imitations.fixtures import CONTENT, FILES, put, write_folder
from spi_pipeline_tests.imitations.messages import zipped
from spi_pipeline_tests.publishers import faults
from spi_pipeline_tests.publishers.clean import broken
from spi_pipeline_tests.publishers.test_any_bytes import EDITS, torn, torn_inside


@dataclass(frozen=True)
class SourceReader:
    """Runs importers on a folder in which one file is faulty."""

    root: Path
    contracts: Contracts = field(repr=False)

    def read(self, source_id: str) -> pd.DataFrame:
        source, importer = self.contracts.sources[source_id], OFFERS[source_id].read
        assert importer is not None
        areas = Areas(self.root, self.contracts.geography)
        frame = importer(Folder(self.root), source, areas)
        return frame.sort_values(list(frame.columns), ignore_index=True) if "geometry" not in frame else frame

    def outcome(self, source_id: str, clean: pd.DataFrame) -> str:
        try:
            table = self.read(source_id)
            if table.equals(clean):
                return "same"
            # Every source promises rows (rule row_count), but more than these small files have.
            if table.empty:
                return "refused: by row_count"
            rules = broken(source_id, table, self.contracts) - broken(source_id, clean, self.contracts)
        except SpiError as error:
            return f"refused: {error}"
        return f"refused: by {', '.join(sorted(rules))}" if rules else f"other: {table.to_dict('list')}"


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory, contracts: Contracts) -> dict[str, pd.DataFrame]:
    """The table of each source, from files without faults."""
    whole = SourceReader(write_folder(tmp_path_factory.mktemp("files")), contracts)
    return {source_id: whole.read(source_id) for source_id, _ in CASES}


@pytest.fixture
def reader(root: Path, contracts: Contracts) -> SourceReader:
    return SourceReader(root, contracts)


WITHOUT_HEADER = "geography/codepoint_open_zz.csv"
CASES = [(source_id, name) for source_id, files in FILES.items() for name in files if ".csv" in name or ".zip" in name]


def rewritten(name: str, change: Callable[[bytes], bytes]) -> bytes:
    """The bytes of a file with a fault; in a zip file, every member gets the fault."""
    content = CONTENT[name]
    body = content.encode() if isinstance(content, str) else content
    if not name.endswith(".zip"):
        return change(body)
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        return zipped({member: change(archive.read(member)) for member in archive.namelist()})


@pytest.mark.parametrize("fault", faults.FILE_FAULTS)
def test_a_faulty_file_has_the_expected_outcome(
    reader: SourceReader, clean: dict[str, pd.DataFrame], fault: str
) -> None:
    change, expected = faults.FILE_FAULTS[fault]
    bad = {}
    for source_id, name in CASES:
        if fault == "its header alone" and name == WITHOUT_HEADER:
            continue
        put(reader.root, name, rewritten(name, change))
        result = reader.outcome(source_id, clean[source_id])
        put(reader.root, name, CONTENT[name])
        kind = result.split(":")[0]
        if kind == "other" or (kind != expected and expected != "either"):
            bad[source_id, name] = result
    assert bad == {}


@pytest.mark.parametrize(("source_id", "name"), CASES)
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True)
@given(edits=EDITS, inside=st.booleans())
def test_a_torn_file_is_read_or_refused(
    reader: SourceReader,
    source_id: str,
    name: str,
    edits: list,
    inside: bool,  # type: ignore[type-arg]
) -> None:
    content = CONTENT[name]
    body = content.encode() if isinstance(content, str) else content
    if name.endswith(".zip") and inside:
        put(reader.root, name, torn_inside(body, edits))
    elif name.endswith(".gz") and not inside:
        (reader.root / name).write_bytes(torn(gzip.compress(body), edits))
    else:
        put(reader.root, name, torn(body, edits))
    with contextlib.suppress(SpiError):
        reader.read(source_id)
    write_folder(reader.root)

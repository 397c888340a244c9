"""With any fault in any fixture, the table is the clean one or is refused with a message.

It never has other numbers, and no other exception is raised. Invalid numbers and invalid counts are always refused.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import pandas as pd
import pytest

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.publishers.files.archives import member_of
from spi_pipeline.publishers.files.reading import begins
from spi_pipeline.publishers.http.exchange import Download
from spi_pipeline.publishers.offers import OFFERS
from spi_pipeline_tests.imitations.messages import zipped
from spi_pipeline_tests.publishers import faults
from spi_pipeline_tests.publishers.clean import SOURCES, broken, contracts, downloads, scope, with_body
from spi_pipeline_tests.publishers.fake import as_download

# Columns of figures that are read, with True for counts. For other columns parsers know the values allowed.
FIGURES = {
    "background_pollution": {"no22022": False, "pm252022g": False},
    "broadband_coverage": {"All Premises": True, "Number of premises with Gigabit availability": True},
    "deprivation_2025_subdomains": {"Indoors Sub-domain Score": False, "Adult Skills Sub-domain Score": False},
    "diagnosed_conditions": {"NUMBER_OF_PATIENTS": True, "REGISTER": False, "PRACTICE_LIST_SIZE": False},
    "local_elections": {"turnout_reported": True, "total_electorate": True, "turnout_percentage": False},
    "local_health": {"Value": False},
    "road_collisions": {"longitude": False, "latitude": False, "collision_severity": True, "collision_year": True},
    "street_crime": {"Longitude": False, "Latitude": False},
}
NOMIS = {name: {"OBS_VALUE": True, "RECORD_COUNT": True} for name in SOURCES if name.startswith("census_")}
FIGURES |= NOMIS | {name: {"OBS_VALUE": True, "RECORD_COUNT": True} for name in ("population", "claimant_count")}
# Sources left out of the faults of tables, and of JSON responses, because they have no such part.
NO_TABLE = {
    "fuel_poverty_lilee": "a workbook",
    "lsoa_best_fit": "answers alone",
    "output_area_lookup": "answers alone",
    "stop_and_search": "answers alone",
    "wards": "answers alone",
}
NO_JSON = {
    **dict.fromkeys((name for name in SOURCES if FIGURES.get(name, {}).keys() & {"OBS_VALUE"}), "CSV of Nomis"),
    "broadband_coverage": "an inbox file", "deprivation_2025_subdomains": "a file", "road_collisions": "a file",
    "diagnosed_conditions": "zip files", "fuel_poverty_lilee": "a workbook", "local_elections": "an export as CSV",
}  # fmt: skip
WITH_TABLE = [name for name in SOURCES if name not in NO_TABLE]
WITH_JSON = [name for name in SOURCES if name not in NO_JSON]
# A force did not publish a month in which it has no row: the month is missing, which is not a fault.
NO_FAULT = {("street_crime", "its header alone")}


@dataclass(frozen=True)
class Part:
    """One file of a fixture: a download, or a member of a download that is a zip file."""

    download: Download
    member: str = ""

    @property
    def name(self) -> str:
        return self.member or self.download.url

    @property
    def body(self) -> bytes:
        if not self.member:
            return self.download.path.read_bytes()
        with zipfile.ZipFile(self.download.path) as archive:
            return archive.read(self.member)

    @property
    def is_json(self) -> bool:
        return not self.member and begins(self.download.path) in (b"{", b"[")

    def with_body(self, body: bytes, folder: Path) -> Download:
        if self.member:
            with zipfile.ZipFile(self.download.path) as archive:
                members = {one: archive.read(one) for one in archive.namelist()}
            body = zipped(members | {self.member: body})
        return with_body(self.download, body, folder)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("clean")


@pytest.fixture(scope="module")
def clean(folder: Path) -> Callable[[str], tuple[list[Download], pd.DataFrame, set[str]]]:
    """The downloads of a source, their table, and the rules that it breaks anyway because it has few rows."""

    @cache
    def of(source_id: str) -> tuple[list[Download], pd.DataFrame, set[str]]:
        found = downloads(source_id, folder)
        frame = OFFERS[source_id].parse(found, scope(source_id))
        return found, frame, broken(source_id, frame, contracts())

    return of


Clean = Callable[[str], tuple[list[Download], pd.DataFrame, set[str]]]


def parts(source_id: str, found: list[Download], is_json: bool) -> Iterator[Part]:
    """One file of each form that a source has; its other files have the same forms."""
    tried = set()
    for download in found:
        if begins(download.path) == b"P":
            with zipfile.ZipFile(download.path) as archive:
                names = [name for name in archive.namelist() if "elsewhere" not in name and "outcomes" not in name]
            inside = [Part(download, name) for name in names if name.endswith(".csv")]
        else:
            inside = [Part(download)]
        for part in inside:
            if part.body.startswith(b"PK") or part.is_json != is_json or not part.body.strip(b"[]{} \n"):
                continue
            form = part.member or part.download.name
            if form not in tried:
                tried.add(form)
                yield part


def outcome(source_id: str, found: list[Download], clean: Clean) -> str:
    """``same``, ``refused: `` with the message, or ``other: `` with the resulting table."""
    _, frame, anyway = clean(source_id)
    try:
        table = OFFERS[source_id].parse(found, scope(source_id))
        if table.equals(frame):
            return "same"
        rules = broken(source_id, table, contracts()) - anyway
    except SpiError as error:
        return f"refused: {error}"
    return f"refused: by {', '.join(sorted(rules))}" if rules else f"other: {table.to_dict('list')}"


def with_fault(part: Part, body: bytes, found: list[Download], folder: Path) -> list[Download]:
    other = part.with_body(body, folder)
    return [other if one is part.download else one for one in found]


def wrong(result: str, expected: str) -> bool:
    kind = result.split(":")[0]
    sentence = result.removeprefix("refused: ")
    well_worded = kind != "refused" or ("\n" not in sentence and len(sentence) < 1000)
    return not well_worded or (kind != expected if expected != "either" else kind == "other")


def unlike(
    change: Callable[[bytes], bytes], expected: str, source_id: str, is_json: bool, clean: Clean, folder: Path
) -> dict[str, str]:
    """The unexpected outcomes when each part has the fault, by part; there is at least one part."""
    found, *_ = clean(source_id)
    outcomes = {
        part.name: outcome(source_id, with_fault(part, change(part.body), found, folder), clean)
        for part in parts(source_id, found, is_json)
    }
    assert outcomes
    return {name: one for name, one in outcomes.items() if wrong(one, expected)}


def test_sources_left_out_have_no_part_of_that_kind(clean: Clean) -> None:
    for left_out, is_json in ((NO_TABLE, False), (NO_JSON, True)):
        for source_id in left_out:
            assert not list(parts(source_id, clean(source_id)[0], is_json)), source_id


@pytest.mark.parametrize(
    ("source_id", "fault"),
    [(one, fault) for one in WITH_TABLE for fault in faults.FILE_FAULTS if (one, fault) not in NO_FAULT],
)
def test_a_faulty_table_has_the_expected_outcome(source_id: str, fault: str, clean: Clean, tmp_path: Path) -> None:
    change, expected = faults.FILE_FAULTS[fault]
    assert unlike(change, expected, source_id, False, clean, tmp_path) == {}


@pytest.mark.parametrize("source_id", FIGURES)
def test_a_cell_without_a_number_or_count_is_refused(source_id: str, clean: Clean, tmp_path: Path) -> None:
    found, *_ = clean(source_id)
    bad, tried = {}, set()
    for part in parts(source_id, found, False):
        _, rows = faults.table_of(part.body)
        for column in set(rows[0]) & set(FIGURES[source_id]):
            at = rows[0].index(column)
            cells = faults.CELL_FAULTS | (faults.COUNT_FAULTS if FIGURES[source_id][column] else {})
            row = row_that_counts(part, at, found, source_id, clean, tmp_path)
            tried.add(column)
            for name, value in cells.items():
                body = faults.with_cell(row, at, value)(part.body)
                result = outcome(source_id, with_fault(part, body, found, tmp_path), clean)
                if wrong(result, "refused"):
                    bad[column, name] = result
            thousands = f"{float(rows[row][at]):,}".removesuffix(".0")
            body = faults.with_cell(row, at, f" {thousands} ")(part.body)
            result = outcome(source_id, with_fault(part, body, found, tmp_path), clean)
            if wrong(result, "either" if column.endswith("_year") else "same"):
                bad[column, thousands] = result
    assert bad == {}
    assert tried == set(FIGURES[source_id])


def row_that_counts(part: Part, column: int, found: list[Download], source_id: str, clean: Clean, folder: Path) -> int:
    """A row whose cell counts: with another number in it, the table is not the same."""
    _, rows = faults.table_of(part.body)
    for row in range(1, len(rows)):
        body = faults.with_cell(row, column, "987654")(part.body)
        if rows[row][column] and outcome(source_id, with_fault(part, body, found, folder), clean) != "same":
            return row
    raise AssertionError(f"no cell of {rows[0][column]} is read")


@pytest.mark.parametrize("source_id", WITH_TABLE)
def test_a_repeated_column_is_refused(source_id: str, clean: Clean, tmp_path: Path) -> None:
    found, *_ = clean(source_id)
    outcomes = {}
    for part in parts(source_id, found, False):
        for column, name in enumerate(faults.table_of(part.body)[1][0]):
            body = faults.with_second(column, "7")(part.body)
            outcomes[part.name, name] = outcome(source_id, with_fault(part, body, found, tmp_path), clean)
    assert outcomes
    assert {at: one for at, one in outcomes.items() if wrong(one, "either")} == {}


@pytest.mark.parametrize("source_id", WITH_JSON)
@pytest.mark.parametrize("fault", faults.JSON_FAULTS)
def test_a_faulty_json_response_has_the_expected_outcome(
    source_id: str, fault: str, clean: Clean, tmp_path: Path
) -> None:
    change, expected = faults.JSON_FAULTS[fault]
    assert unlike(change, expected, source_id, True, clean, tmp_path) == {}


@pytest.mark.parametrize("source_id", ["broadband_coverage", "diagnosed_conditions"])
def test_a_zip_file_in_a_zip_file_is_opened(source_id: str, clean: Clean, tmp_path: Path) -> None:
    found, frame, _ = clean(source_id)
    packed = [
        as_download(tmp_path, faults.nested("inner", zipped({one.name: body}) if body[:2] != b"PK" else body),
             f"{one.name.removesuffix('.csv').removesuffix('.zip')}.zip")
        for one, body in ((one, one.path.read_bytes()) for one in found)
    ]  # fmt: skip
    pd.testing.assert_frame_equal(OFFERS[source_id].parse(packed, scope(source_id)), frame)
    deeper = [as_download(tmp_path, faults.nested("outer", one.path.read_bytes()), one.url) for one in packed]
    with pytest.raises(
        SpiError, match=r"\.zip: no member matches .*, it holds readme\.txt, packages/outer\.zip; fetch"
    ):
        OFFERS[source_id].parse(deeper, scope(source_id))


def test_a_full_disk_is_reported_when_a_nested_zip_file_is_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = zipped({"table.csv": bytes(range(256)) * 500})
    (tmp_path / "outer.zip").write_bytes(faults.nested("inner", inner))
    monkeypatch.setattr("tempfile.TemporaryFile", partial(Path("/dev/full").open, "w+b"))
    with (
        pytest.raises(SpiError, match=r"cannot be written \(No space left on device\): free some disk space"),
        member_of(tmp_path / "outer.zip", r"table\.csv", "outer.zip", "A"),
    ):
        pass

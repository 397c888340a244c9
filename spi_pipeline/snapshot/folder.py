"""The folder of publishers' files that a snapshot is built from, and which areas of it belong to our authorities.

Every read goes through ``Folder``, which notes the file and its sha256, so that no figure is without an origin. A file
that is not what its name promises is refused with a sentence.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import zipfile
import zlib
from collections.abc import Collection, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.contracts.models.geography import Geography
from spi_pipeline.snapshot.embedded import InputFile

BEST_FIT = "geography/lookup_lsoa21_ward24_ltla24.csv.gz"
LSOA_2011 = "geography/lsoa11_lsoa21_lad22_exact_fit_ew_v3.csv.gz"
MSOA_2011 = "geography/msoa11_msoa21_lad22_*.csv"
MSOA_NAMES = ("census2021_nomis/census2021-ts001.zip", "census2021-ts001-msoa.csv")


class Folder:
    """A folder of publishers' files.

    Attributes:
        root: the folder.
        used: the files read since the last ``collect``.
    """

    def __init__(self, root: Path) -> None:
        if not root.is_dir():
            raise SpiError(f"the folder {root} does not exist; give --from the folder of publishers' files")
        self.root = root
        self.used: dict[str, InputFile] = {}

    def collect(self) -> tuple[InputFile, ...]:
        """The files read since the last call, ordered by period and name."""
        used, self.used = self.used, {}
        return tuple(sorted(used.values(), key=lambda item: (item.period, item.file)))

    def has(self, name: str) -> bool:
        """Whether a file is there."""
        return (self.root / name).is_file()

    def names(self, pattern: str) -> list[str]:
        """Files that match a glob pattern, sorted.

        Raises:
            SpiError: when there is none.
        """
        found = sorted(file.relative_to(self.root).as_posix() for file in self.root.glob(pattern))
        if not found:
            raise SpiError(f"no file {pattern} in {self.root}; docs/snapshot-folder.md describes what belongs there")
        return found

    def name(self, pattern: str) -> str:
        """The one file that matches a glob pattern.

        Raises:
            SpiError: when there is none, or more than one to choose from.
        """
        found = self.names(pattern)
        if len(found) > 1:
            raise SpiError(f"{', '.join(found)} in {self.root} all match {pattern}; keep the one to be read")
        return found[0]

    def bytes(self, name: str, period: str) -> bytes:
        """The bytes of a file, unpacked where its name ends in ``.gz``.

        Raises:
            SpiError: when it is missing or cannot be unpacked.
        """
        try:
            content = (self.root / name).read_bytes()
            unpacked = gzip.decompress(content) if name.endswith(".gz") else content
        except FileNotFoundError as error:
            said = f"no file {name} in {self.root}; docs/snapshot-folder.md describes what belongs there"
            raise SpiError(said) from error
        except (OSError, EOFError, zlib.error) as error:
            raise SpiError(f"{name} cannot be read: {error}; fetch it again") from error
        self.used[name] = InputFile(name, period, hashlib.sha256(content).hexdigest(), len(content))
        return unpacked

    def csv(
        self,
        name: str,
        period: str,
        *,
        needs: Collection[str] = (),
        header: Sequence[str] | None = None,
        after: str = "",
    ) -> pd.DataFrame:
        """A CSV file as text: numbers are made numbers where their column is known.

        Args:
            name: the file.
            period: what it refers to, as in ``InputFile``.
            needs: columns it must have.
            header: the names of all columns, for a file that comes without them.
            after: a text of the header line, for a file that begins with the publisher's notes.

        Raises:
            SpiError: when it is missing, no table, or lacks a column.
        """
        content = self.bytes(name, period)
        notes, mark, _ = content.partition(after.encode()) if after else (b"", b"", b"")
        if not mark and after:
            raise SpiError(f"{name} has no header line with {after!r}; compare it with its release notes")
        return _table(content[notes.rfind(b"\n") + 1 :] if after else content, name, needs, header)

    def zipped_csv(self, name: str, member: str, period: str) -> pd.DataFrame:
        """One member of a zip file as text.

        Raises:
            SpiError: when the member is missing or the zip is broken.
        """
        try:
            with zipfile.ZipFile(io.BytesIO(self.bytes(name, period))) as archive:
                content = archive.read(member)
        except (zipfile.BadZipFile, KeyError, EOFError, NotImplementedError, RuntimeError, zlib.error) as error:
            raise SpiError(f"{name} holds no readable {member}; fetch it again") from error
        return _table(content, f"{name}/{member}")

    def parquet(self, name: str, period: str) -> pd.DataFrame:
        """A Parquet file.

        Raises:
            SpiError: when it is missing or broken.
        """
        try:
            return pd.read_parquet(io.BytesIO(self.bytes(name, period)))
        except (pa.ArrowException, OSError, ValueError) as error:
            raise SpiError(f"{name} is no readable Parquet file; fetch it again") from error

    def rdata(self, name: str, period: str) -> pd.DataFrame:
        """The one table of an R data file.

        Raises:
            SpiError: when it is missing or broken, or the reader of R data is not installed.
        """
        self.bytes(name, period)
        try:
            import pyreadr
        except ImportError as error:
            raise SpiError(
                f"{name} needs a reader of R data; install the extra: pip install -e '.[snapshot]'"
            ) from error
        try:
            (table,) = pyreadr.read_r(str(self.root / name)).values()
        except (pyreadr.PyreadrError, ValueError) as error:
            raise SpiError(f"{name} is no R data file with one table; fetch it again") from error
        return pd.DataFrame(table)

    def geojson(self, name: str, period: str) -> list[dict[str, Any]]:
        """The features of a GeoJSON file.

        Raises:
            SpiError: when it is missing or holds no features.
        """
        try:
            return list(json.loads(self.bytes(name, period))["features"])
        except (ValueError, KeyError, TypeError) as error:
            raise SpiError(f"{name} is no GeoJSON file with features; fetch it again") from error


def _table(content: bytes, name: str, needs: Collection[str] = (), header: Sequence[str] | None = None) -> pd.DataFrame:
    try:
        table = pd.read_csv(io.BytesIO(content), dtype=str, header="infer" if header is None else None)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise SpiError(f"{name} is no CSV file: {error}; fetch it again") from error
    if header is not None:
        if len(header) != table.shape[1]:
            raise SpiError(
                f"{name} has {table.shape[1]} columns where {len(header)} belong; compare it with its release notes"
            )
        table.columns = pd.Index(header)
    # pandas takes surplus fields for row names, and every column would move by one.
    if not isinstance(table.index, pd.RangeIndex):
        raise SpiError(f"{name} has rows with more fields than its header names; fetch it again")
    missing = [column for column in needs if column not in table.columns]
    if missing:
        raise SpiError(f"{name} lacks {missing}; it has {list(table.columns)[:20]}")
    return table


def read_parents(folder: Folder, geography: Geography) -> pd.DataFrame:
    """The parent of each output area and LSOA of 2021, from census tables that name them.

    Returns:
        ``code``, ``kind`` (``Output Area``, ``LSOA``, …), ``parent``; nothing where best fit does without.
    """
    if not geography.holding("output_area_lookup"):
        return pd.DataFrame(columns=["code", "kind", "parent"], dtype=object)
    needs = ["Geography code", "Geography area type", "Parent area code"]
    names = folder.names("census2021_onsvisual/TS046_heating_type_3a_2021_*.csv.gz")
    frames = [folder.csv(name, "2021-03-21", needs=needs)[needs] for name in names]
    return pd.concat(frames).set_axis(["code", "kind", "parent"], axis=1)


def read_msoas(folder: Folder, geography: Geography, lsoas: Collection[str]) -> pd.DataFrame:
    """The MSOA of some LSOAs of 2021, ``lsoa_code, msoa_code``.

    Where no census table names it, by name: an LSOA is named after its MSOA and one letter more.
    """
    lookup = folder.csv(BEST_FIT, "2024", needs=["lsoa21_code", "lsoa21_name"])
    lookup = lookup[lookup["lsoa21_code"].isin(lsoas)]
    parents = read_parents(folder, geography)
    found = lookup["lsoa21_code"].map(parents[parents["kind"] == "LSOA"].set_index("code")["parent"]).astype(object)
    if found.isna().any():
        named = folder.zipped_csv(*MSOA_NAMES, "2021-03-21").set_index("geography")["geography code"]
        found = found.fillna(lookup["lsoa21_name"].str[:-1].map(named))
    return pd.DataFrame({"lsoa_code": lookup["lsoa21_code"], "msoa_code": found})


class Scope:
    """The small areas of our authorities, from the national lookups in the folder.

    It reads through a ``Folder`` of its own: a lookup that only filters a source is no origin of its figures.
    """

    def __init__(self, root: Path, geography: Geography) -> None:
        self.folder = Folder(root)
        self.geography = geography

    @cached_property
    def lookup(self) -> pd.DataFrame:
        """``lsoa21_code`` and ``ltla24_code`` of every LSOA whose authority is ours."""
        table = self.folder.csv(BEST_FIT, "2024", needs=["lsoa21_code", "ltla24_code"])
        return table[table["ltla24_code"].isin(self.geography.authority_codes)]

    @cached_property
    def lsoa21(self) -> frozenset[str]:
        """LSOAs of 2021 whose authority is ours."""
        return frozenset(self.lookup["lsoa21_code"])

    @cached_property
    def older(self) -> pd.DataFrame:
        """``LSOA11CD`` and ``LSOA21CD`` of every LSOA of 2011 that became one of ours."""
        lookup = self.folder.csv(LSOA_2011, "2021", needs=["LSOA11CD", "LSOA21CD"])
        return lookup[lookup["LSOA21CD"].isin(self.lsoa21)]

    @cached_property
    def lsoa11(self) -> frozenset[str]:
        """LSOAs of 2011 that became one of ours."""
        return frozenset(self.older["LSOA11CD"])

    @cached_property
    def parents(self) -> pd.DataFrame:
        """``code`` and ``parent`` of every output area of 2021 whose LSOA is ours."""
        parents = read_parents(self.folder, self.geography)
        return parents[(parents["kind"] == "Output Area") & parents["parent"].isin(self.lsoa21)]

    @cached_property
    def oa21(self) -> frozenset[str]:
        """Output areas of 2021 whose LSOA is ours."""
        return frozenset(self.parents["code"])

    @cached_property
    def lsoa21_without_oa(self) -> frozenset[str]:
        """LSOAs of ours whose output areas are not known: their figures are taken at LSOA level."""
        return self.lsoa21 - frozenset(self.parents["parent"])

    @cached_property
    def msoas(self) -> pd.DataFrame:
        """See ``read_msoas``; of our LSOAs."""
        return read_msoas(self.folder, self.geography, self.lsoa21)

    @cached_property
    def msoa21(self) -> frozenset[str]:
        """MSOAs of 2021 that hold one of our LSOAs."""
        return frozenset(self.msoas["msoa_code"].dropna())

    @cached_property
    def larger(self) -> pd.DataFrame:
        """``MSOA11CD`` and ``MSOA21CD`` of every MSOA of 2011 that became one of ours, where a lookup is at hand."""
        if not self.geography.holding("msoa_2011_lookup"):
            return pd.DataFrame(columns=["MSOA11CD", "MSOA21CD"], dtype=object)
        lookup = self.folder.csv(self.folder.name(MSOA_2011), "2021", needs=["MSOA11CD", "MSOA21CD"])
        return lookup[lookup["MSOA21CD"].isin(self.msoa21)]

    @cached_property
    def msoa11(self) -> frozenset[str]:
        """MSOAs of 2011 that became one of ours."""
        return frozenset(self.larger["MSOA11CD"])

    @cached_property
    def authority_of(self) -> dict[str, str]:
        """The authority of every ward and small area of ours, and of itself, by code."""
        lsoas = dict(zip(self.lookup["lsoa21_code"], self.lookup["ltla24_code"], strict=True))
        msoas = {row.msoa_code: lsoas[row.lsoa_code] for row in self.msoas.itertuples()}
        return {
            **{code: code for code in self.geography.authority_codes},
            **{ward.code: ward.authority for ward in self.geography.wards},
            **{row.LSOA11CD: lsoas[row.LSOA21CD] for row in self.older.itertuples()},
            **lsoas,
            **{row.code: lsoas[row.parent] for row in self.parents.itertuples()},
            **{row.MSOA11CD: msoas[row.MSOA21CD] for row in self.larger.itertuples()},
            **msoas,
        }

"""A council of any number of wards, invented from a finished store to measure the cost of its site.

``python -m spi_pipeline_tests.outputs.site.many 300`` builds the site of 300 wards from the store that ``SPI_STORE``
names, reads it back as ``spi site build`` does, and prints seconds of processor time, bytes and the heaviest pages. If
a folder follows the number, the site is written there. Every ward is a copy of a ward in the store, with its figures
shifted at random so that no two wards are alike.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import pyarrow as pa
import shapely

from spi_pipeline.cli.contracts import complete_contracts
from spi_pipeline.contracts.arrow import arrow_schema
from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.outputs.database import DATABASE
from spi_pipeline.outputs.queries import reading
from spi_pipeline.outputs.site.audit import audited
from spi_pipeline.outputs.site.build import site_files
from spi_pipeline.outputs.site.facts import Facts
from spi_pipeline.outputs.site.pages import KINDS
from spi_pipeline.outputs.site.pages.page import Kind, SiteFile
from spi_pipeline.outputs.site.results import Results
from spi_pipeline.settings import Settings
from spi_pipeline.storage.places import DATABASE as FILE
from spi_pipeline.storage.store import Store

FIRST = ("Ash", "Beech", "Church", "Castle", "Dun", "Elm", "Fern", "Gold", "Hazel", "High", "King", "Lea", "Mill",
         "North", "Oak", "Priory", "Queen", "Stop", "Thorn", "Wig")  # fmt: skip
LAST = ("bury", "combe Magna", "dale", "field", "ford and Bridge", "gate", "ham", "ley", "more", "ney End", "pool",
        "ridge", "stead St Mary", "ton", "wick")  # fmt: skip
# As many as a ward of Luton has.
POSTCODES = 160
# The spread of the shift of scores, in points, and the smallest factor for other figures, so that none passes a bound.
POINTS, LEAST = 6.0, 0.8
# Columns of the same figure are scaled by the same factor.
SCALED = {
    "change": ("change", "from_data", "change_low", "change_high"),
    "context": ("value", "lower", "upper"),
    "contribution": ("contribution",),
    "decade": ("earlier", "later", "change", "lower", "upper"),
    "observation": ("value", "lower", "upper"),
    "recent": ("rate_12_months", "lower", "upper"),
    "residual": ("measured", "score", "expected", "residual", "lower", "upper"),
    "scorecard": ("peer_median", "difference"),
    "what_would_it_take": ("needed", "needed_low", "needed_high", "value", "score_then"),
}
SHIFTED = ("score", "score_low", "score_high", "measured_low", "measured_high")


@dataclass(frozen=True)
class Council:
    """The publication of an invented council.

    Attributes:
        contracts: all contracts.
        results: the results, as pages read them.
    """

    contracts: Contracts
    results: Results

    def files(self, kinds: Sequence[Kind] = KINDS) -> list[SiteFile]:
        """Its site, or the pages of some kinds."""
        return site_files(self.results, kinds=kinds)

    def audited(self, files: list[SiteFile]) -> pd.DataFrame:
        """The audit of the files of its site."""
        return audited(files, Facts(self.results.file, self.contracts.root), {})


def invent_council(store: Store, contracts: Contracts, wards: int, folder: Path, seed: int = 20261127) -> Council:
    """Invent a council and publish it into a folder.

    Args:
        store: a finished store.
        contracts: the contracts of the store.
        wards: the number of wards.
        folder: an empty folder.
        seed: for the factors and the postcodes.
    """
    names = [name for name, product in contracts.products.items() if product.published]
    with reading(store.database) as connection:
        tables = {name: connection.sql(f'FROM "{name}"').to_arrow_table().to_pandas() for name in names}
    old = list(tables["area"].loc[tables["area"]["level"] == "ward", "area_code"])
    copied = {f"E0598{at:04d}": old[at % len(old)] for at in range(wards)}
    random = np.random.default_rng(seed)
    copies = {name: _many(name, table, copied, random) for name, table in tables.items()}
    copies["area"].loc[copies["area"]["level"] == "ward", "area_name"] = list(_names(wards))
    first = {source: code for code, source in reversed(copied.items())}
    copies["composition"]["left_out"] = copies["composition"]["left_out"].replace(first)
    _ranked(copies)
    built = {
        name: pa.Table.from_pandas(table, schema=arrow_schema(contracts.products[name]), preserve_index=False)
        for name, table in copies.items()
    }
    DATABASE.build(_unbounded(contracts), built, folder)
    across = int(np.ceil(np.sqrt(wards)))
    corners = [(-0.5 + at % across / 100, 51.8 + at // across / 150) for at in range(wards)]
    squares = [shapely.to_wkb(shapely.box(x, y, x + 0.01, y + 1 / 150)) for x, y in corners]
    boundaries = pd.DataFrame({"area_code": list(copied), "geometry": squares})
    return Council(contracts, Results.of_database(folder / FILE, boundaries, contracts, _postcodes(copied, random)))


def _unbounded(contracts: Contracts) -> Contracts:
    """Remove upper bounds from the contracts, which refuse ranks below the 200th: no English council has more wards."""
    products = {
        name: replace(product, columns=tuple(replace(column, maximum=None) for column in product.columns))
        for name, product in contracts.products.items()
    }
    return replace(contracts, products=products)


def _many(name: str, table: pd.DataFrame, copied: dict[str, str], random: np.random.Generator) -> pd.DataFrame:
    """Repeat the rows of a ward for each of its copies; leave the rows of other areas unchanged."""
    if "area_code" not in table:
        return table
    groups = dict(list(table.groupby("area_code")))
    parts = [groups[source].assign(area_code=code) for code, source in copied.items() if source in groups]
    rest = table[~table["area_code"].isin(copied.values())]
    if not parts:
        return rest
    copies = pd.concat([*parts, rest], ignore_index=True)
    factor = np.where(copies["area_code"].isin(copied), random.uniform(LEAST, 1, len(copies)), 1.0)
    for column in SCALED.get(name, ()):
        copies[column] = copies[column] * factor
    if name == "scorecard":
        copies["peers"] = _peers(copies["area_code"], copied)
    return copies


def _peers(codes: pd.Series, copied: dict[str, str]) -> list[str]:
    """The next five wards in the list, for each ward."""
    wards = list(copied)
    place = {code: at for at, code in enumerate(wards)}
    return [",".join(wards[(place[code] + step) % len(wards)] for step in range(1, 6)) for code in codes]


def _ranked(tables: dict[str, pd.DataFrame]) -> None:
    """Shift the scores of each ward in each element, rank the wards again, and update ``rank_interval`` to match."""
    score, area = tables["score"], tables["area"]
    wards = set(area.loc[area["level"] == "ward", "area_code"])
    pairs = score["area_code"] + score["id"]
    drawn = np.random.default_rng(len(wards)).normal(0, POINTS, pairs.nunique())
    shift = pairs.map(dict(zip(pairs.unique(), drawn, strict=True))).where(score["area_code"].isin(wards), 0.0)
    for column in SHIFTED:
        score[column] = (score[column] + shift).clip(0, 100)
    ranked = score["rank"].notna()
    places = score[ranked].groupby(["edition", "profile", "id"])["score"].rank(method="min", ascending=False)
    width = np.ceil((score["rank_high"] - score["rank_low"]) / 40 * len(wards))
    score.loc[ranked, "rank"] = places
    score["rank_low"] = (score["rank"] - width).clip(lower=1)
    score["rank_high"] = (score["rank"] + width).clip(upper=len(wards))
    key = ["edition", "profile", "id", "area_code"]
    ends = [*SHIFTED[1:], "rank_low", "rank_high"]
    intervals = tables["rank_interval"]
    tables["rank_interval"] = intervals.drop(columns=ends).merge(score[[*key, *ends]], on=key)


def _names(count: int) -> Iterator[str]:
    """Distinct names of usual length."""
    for at in range(count):
        first, last = FIRST[at % len(FIRST)], LAST[at // len(FIRST) % len(LAST)]
        yield f"{first}{last}" if at < len(FIRST) * len(LAST) else f"{first}{last} {'North' * (at // 300)}"


def _postcodes(wards: dict[str, str], random: np.random.Generator) -> pd.DataFrame:
    letters = "ABDEFGHJLNPQRSTUWXYZ"
    rows = []
    for at, code in enumerate(wards):
        units = random.choice(len(letters) ** 2, POSTCODES, replace=False)
        sector = f"AB{1 + at // 10} {at % 10}"
        rows += [(f"{sector}{letters[unit // 20]}{letters[unit % 20]}", code) for unit in units]
    return pd.DataFrame(rows, columns=["postcode", "ward_code"])


def main(wards: int, to: Path | None = None) -> None:
    """Print the cost of the site of a council with so many wards.

    Args:
        wards: the number of wards.
        to: a folder to write the site to, for inspection.
    """
    settings = Settings()
    contracts, store = complete_contracts(settings), Store(settings.store)
    with TemporaryDirectory() as folder:
        council = invent_council(store, contracts, wards, Path(folder))
        started = time.process_time()
        files = council.files()
        written = time.process_time()
        audit = council.audited(files)
        read = time.process_time()
    for file in files if to else []:
        place = Path(to or "") / file.path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(file.content)
    pages = audit[audit["title"].notna()]
    downloads = audit["path"].str.startswith("downloads/")
    print(f"{wards} wards: {written - started:.1f} s to make, {read - written:.1f} s to read back, of one processor")
    print(f"{len(pages)} pages, {audit.loc[~downloads, 'bytes'].sum():,} bytes without downloads")
    faults = audit.melt("path", ["unread", "broken", "outside"], value_name="fault").dropna()
    for path, fault in zip(faults["path"], faults["fault"], strict=True):
        print(f"FAULT {path}: {fault}")
    heaviest = pages.sort_values("transferred", ascending=False).drop_duplicates("transferred")
    for path, transferred in heaviest[["path", "transferred"]].head(10).itertuples(index=False):
        print(f"{transferred:>9,} bytes as sent: {path}")


if __name__ == "__main__":
    main(int(sys.argv[1]), *map(Path, sys.argv[2:]))

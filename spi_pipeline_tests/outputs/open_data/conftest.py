from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pytest

from spi_pipeline.outputs.database import build, published
from spi_pipeline.outputs.open_data.publish import publish
from spi_pipeline.outputs.queries import reading
from spi_pipeline.storage.places import DATABASE
from spi_pipeline_tests.integration.houses import House

RELEASE = "2026-1"


@dataclass(frozen=True)
class Opened:
    """An open-data folder of the refreshed house.

    Attributes:
        house: whose.
        folder: the folder.
    """

    house: House
    folder: Path

    def file(self, name: str) -> Path:
        """One of the files to take away, such as ``score.csv``."""
        stem, _, ending = name.rpartition(".")
        return self.folder / "downloads" / f"{stem}-{RELEASE}.{ending}"


def publish_to(house: House, folder: Path, source: Path | None = None, release: str = RELEASE) -> Opened:
    boundaries = house.store.read("wards").select(["area_code", "geometry"]).to_pandas()
    publish(source or house.store.published.resolve(), release, folder, house.contracts, boundaries)
    return Opened(house, folder)


@pytest.fixture(scope="session")
def opened(refreshed: House, tmp_path_factory: pytest.TempPathFactory) -> Opened:
    """What is published of the house, to look at."""
    return publish_to(refreshed, tmp_path_factory.mktemp("open_data") / "folder")


Changed = Callable[[str, Callable[[pa.Table], pa.Table]], Path]


@pytest.fixture
def changed(refreshed: House, tmp_path: Path) -> Changed:
    """The folder of a publication one of whose tables is another: ``changed("area", how)``."""

    def made(name: str, how: Callable[[pa.Table], pa.Table]) -> Path:
        with reading(refreshed.store.database) as connection:
            tables = {each: connection.sql(f'SELECT * FROM "{each}"').to_arrow_table()
                      for each in published(refreshed.contracts)}  # fmt: skip
        folder = tmp_path / "published"
        folder.mkdir()
        build(refreshed.contracts, {**tables, name: how(tables[name])}, folder)
        assert (folder / DATABASE).exists()
        return folder

    return made

"""The open-data folder of the refreshed sandbox, and publications with one changed table."""

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
from spi_pipeline_tests.integration.sandboxes import Sandbox

RELEASE = "2026-1"


@dataclass(frozen=True)
class OpenDataFolder:
    """The open-data folder of the refreshed sandbox.

    Attributes:
        sandbox: the sandbox.
        folder: the folder.
    """

    sandbox: Sandbox
    folder: Path

    def file(self, name: str) -> Path:
        """The path of a download, such as ``score.csv``."""
        stem, _, ending = name.rpartition(".")
        return self.folder / "downloads" / f"{stem}-{RELEASE}.{ending}"


def publish_to(sandbox: Sandbox, folder: Path, source: Path | None = None, release: str = RELEASE) -> OpenDataFolder:
    boundaries = sandbox.store.read("wards").select(["area_code", "geometry"]).to_pandas()
    publish(source or sandbox.store.published.resolve(), release, folder, sandbox.contracts, boundaries)
    return OpenDataFolder(sandbox, folder)


@pytest.fixture(scope="session")
def open_data(refreshed: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> OpenDataFolder:
    """The open-data folder of the sandbox, for reading only."""
    return publish_to(refreshed, tmp_path_factory.mktemp("open_data") / "folder")


ChangeTable = Callable[[str, Callable[[pa.Table], pa.Table]], Path]


@pytest.fixture
def change_table(refreshed: Sandbox, tmp_path: Path) -> ChangeTable:
    """Publish with one table changed, and return the folder: ``change_table("area", how)``."""

    def publish_changed(name: str, how: Callable[[pa.Table], pa.Table]) -> Path:
        with reading(refreshed.store.database) as connection:
            tables = {each: connection.sql(f'SELECT * FROM "{each}"').to_arrow_table()
                      for each in published(refreshed.contracts)}  # fmt: skip
        folder = tmp_path / "published"
        folder.mkdir()
        build(refreshed.contracts, {**tables, name: how(tables[name])}, folder)
        assert (folder / DATABASE).exists()
        return folder

    return publish_changed

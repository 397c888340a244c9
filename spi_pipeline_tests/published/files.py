"""The published figures that the engine is checked against.

They may not be redistributed, so they are not part of the repository. A folder ``shared`` next to the checkout holds
them; without it these tests are skipped.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import pandas as pd
import pytest

FOLDER = Path(__file__).resolve().parents[3] / "shared" / "data" / "published"


def published(name: str) -> Path:
    """The path of a published file; skips the test if the file is missing."""
    path = FOLDER / name
    if not path.exists():
        pytest.skip(f"published figures {name} are not in a folder 'shared' next to the checkout")
    return path


@lru_cache
def global_release() -> pd.DataFrame:
    """The global index by edition and area_code: scores and raw indicators. Cached: reading takes six seconds."""
    path = published("spi_global_2024/spi_2024release_2011-2023.xlsx")
    table = pd.read_excel(path, sheet_name="Data 2011-2023", header=1, skiprows=[2])
    table = table.rename(columns={"spiyear": "edition", "spicountrycode": "area_code"})
    return table.set_index(["edition", "area_code"])


@lru_cache
def california_sheet() -> pd.DataFrame:
    """The only sheet of the Californian workbook, unchanged."""
    return pd.read_excel(published("spi_california_2019/2019-california-results.xlsx"), sheet_name="2019", header=None)

"""Where the published figures lie that the engine is checked against.

They may not be redistributed, so they are not part of the repository: a folder ``shared`` beside the checkout holds
them, and without it these tests are skipped.
"""

from __future__ import annotations

from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[3] / "shared" / "data" / "published"


def published(name: str) -> Path:
    """The path of a published file, or a skipped test."""
    path = FOLDER / name
    if not path.exists():
        pytest.skip(f"published figures {name} are not in a folder 'shared' beside the checkout")
    return path

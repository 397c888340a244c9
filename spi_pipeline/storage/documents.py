"""Small JSON files that may be lost: what one of them said is found out again where it is not there or damaged."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from spi_pipeline.storage.atomic import read_bytes, write_bytes


def read_document(path: Path) -> dict[str, Any]:
    """What the file says; nothing where it is not there or damaged."""
    try:
        found = json.loads(read_bytes(path) or b"{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def write_document(path: Path, document: Mapping[str, Any]) -> None:
    """Make ``document`` what the file says, in one move."""
    write_bytes(path, json.dumps(document, indent=1).encode())

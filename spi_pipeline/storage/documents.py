"""Small sealed JSON files: each holds the sha256 of its own content, so that a flipped bit is detected.

A file without a seal was written by an earlier version of this program and is accepted.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from spi_pipeline.storage.atomic import read_bytes, write_bytes

_SEAL = "seal"


def sealed(document: Mapping[str, Any]) -> bytes:
    """Return the bytes of a sealed file that holds ``document``."""
    return json.dumps({**document, _SEAL: _seal_of(document)}, indent=1, ensure_ascii=False).encode()


def unsealed(data: bytes) -> dict[str, Any]:
    """Return the document in the bytes of a file.

    Raises:
        ValueError: if they are not a JSON object, or not the content that was sealed.
    """
    document = json.loads(data)
    if not isinstance(document, dict):
        raise ValueError("not an object")
    seal = document.pop(_SEAL, None)
    if seal != _seal_of(document) if seal is not None else _is_sealed_otherwise(document):
        raise ValueError("not what was written")
    return document


def read_document(path: Path) -> dict[str, Any]:
    """Return the document of a file that can be recomputed; empty if the file is missing or damaged."""
    try:
        return unsealed(read_bytes(path) or b"{}")
    except ValueError:
        return {}


def write_document(path: Path, document: Mapping[str, Any]) -> None:
    """Write ``document`` to a file, in one move."""
    write_bytes(path, sealed(document))


def is_intact(path: Path) -> bool:
    """Whether a file holds what was written; a file that has disappeared counts as whole."""
    data = read_bytes(path)
    try:
        return data is None or unsealed(data) is not None
    except ValueError:
        return False


def _is_sealed_otherwise(document: Mapping[str, Any]) -> bool:
    """Whether the seal is there under another name, because a bit of its name was flipped."""
    others = ({key: value for key, value in document.items() if key != name} for name in document)
    return any(_seal_of(rest) in document.values() for rest in others)


def _seal_of(document: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()

"""Small JSON files, each sealed: the sha256 of what it says stands in it, so that a flipped bit is not believed.

A file without a seal is of an earlier version of this program, and believed.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from spi_pipeline.storage.atomic import read_bytes, write_bytes

_SEAL = "seal"


def sealed(document: Mapping[str, Any]) -> bytes:
    """The bytes of a file that says ``document``."""
    return json.dumps({**document, _SEAL: _seal_of(document)}, indent=1, ensure_ascii=False).encode()


def unsealed(data: bytes) -> dict[str, Any]:
    """What the bytes of a file say.

    Raises:
        ValueError: where they are not JSON of an object, or not what was sealed.
    """
    found = json.loads(data)
    if not isinstance(found, dict):
        raise ValueError("not an object")
    seal = found.pop(_SEAL, None)
    if seal != _seal_of(found) if seal is not None else _is_sealed_otherwise(found):
        raise ValueError("not what was written")
    return found


def read_document(path: Path) -> dict[str, Any]:
    """What a file says that may be lost: what it said is found out again; nothing where it is not there or damaged."""
    try:
        return unsealed(read_bytes(path) or b"{}")
    except ValueError:
        return {}


def write_document(path: Path, document: Mapping[str, Any]) -> None:
    """Make ``document`` what the file says, in one move."""
    write_bytes(path, sealed(document))


def is_whole(path: Path) -> bool:
    """Whether a file says what was written; one that is gone meanwhile does."""
    data = read_bytes(path)
    try:
        return data is None or unsealed(data) is not None
    except ValueError:
        return False


def _is_sealed_otherwise(document: Mapping[str, Any]) -> bool:
    """Whether the seal is there under another name, of which a bit was flipped."""
    others = ({key: value for key, value in document.items() if key != name} for name in document)
    return any(_seal_of(rest) in document.values() for rest in others)


def _seal_of(document: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()

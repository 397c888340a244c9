"""The paths below the root of a store, and the names that may become part of such a path.

This module only forms paths, and the names of paths in messages and records; other modules write the files.
"""

import re

from spi_pipeline.contracts.errors import SpiError

TABLES, QUARANTINE, RUNS, RAW, INBOX = "tables", "quarantine", "runs", "raw", "inbox"
RUNNING, RELEASES = "running", "releases"
CACHE, PUBLISHED, DATABASE = "cache", "published", "spi.duckdb"
# Folders whose content belongs to Dagster and to the package ``alerts``.
DAGSTER, ALERTS = "dagster", "alerts"
LAYOUT = "layout"
# Downloads and the publication have names among the versions too, although they are not tables.
DOWNLOADS, PUBLICATION = "downloads/", "publication"
_TABLE = re.compile(r"[a-z0-9_]+(\.[a-z0-9_]+)?")
# No dot, so that no name can leave its folder or look like a temporary name (see ``atomic``).
_IDENTIFIER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
_RESERVED = "current"


def quarantine(name: str) -> str:
    """The folder of the rejected versions of a table."""
    return f"{QUARANTINE}/{table_name(name)}"


def runs(kind: str) -> str:
    """The folder of one kind of run record."""
    return f"{RUNS}/{identifier(kind, 'kind of run record')}"


def cache(key: str) -> str:
    """The file of a cached value."""
    return f"{CACHE}/{identifier(key, 'cache')}.json"


def raw(source_id: str) -> str:
    """The folder of the downloads of a source."""
    return f"{RAW}/{table_name(source_id)}"


def body(source_id: str, sha256: str) -> str:
    """The file of one downloaded body of a source."""
    return f"{raw(source_id)}/{sha256}"


def inbox(source_id: str, file: str = "") -> str:
    """The inbox folder of a source, or a file in it; neither name is checked, since people choose them."""
    return f"{INBOX}/{source_id}/{file}"


def store_of(base: str, council: str) -> str:
    """The folder or address of a council's store, below that of all stores of a deployment."""
    return f"{base.rstrip('/')}/{council}"


def table_name(name: str) -> str:
    """Return ``name`` if it is a table name, ``contract`` or ``contract.part`` such as ``score.safety``.

    Raises:
        SpiError: for anything else.
    """
    if not _TABLE.fullmatch(name):
        raise SpiError(
            f"{name!r} is not a table name of the store: write `contract` or `contract.part`, in lower-case letters, "
            "digits and underscores, with at most one dot."
        )
    return name


def identifier(name: str, meaning: str) -> str:
    """Return ``name`` if it can name a run, a kind of run record, a cached value or a publication.

    Args:
        name: the name to check.
        meaning: what it names, for the message, such as ``run``.

    Raises:
        SpiError: if it holds anything but letters, digits, hyphens and underscores, or is ``current``.
    """
    if not _IDENTIFIER.fullmatch(name) or name == _RESERVED:
        raise SpiError(
            f"{name!r} cannot name a {meaning} in the store: use letters, digits, hyphens and underscores, "
            f"and not the word {_RESERVED!r}."
        )
    return name

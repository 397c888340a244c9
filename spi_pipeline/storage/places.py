"""Where each thing lies below the root of a store, and which names may become part of such a path.

Forms only, for paths, and for sentences and records that name them; what lies there is for the modules that write it.
"""

import re

from spi_pipeline.contracts.errors import SpiError

TABLES, QUARANTINE, RUNS, RAW, INBOX = "tables", "quarantine", "runs", "raw", "inbox"
GOING, RELEASES = "going", "releases"
MEMORY, PUBLISHED, DATABASE = "memory", "published", "spi.duckdb"
# Each a folder whose inside belongs to others: to Dagster, and to the alerts' desk.
DAGSTER, ALERTS = "dagster", "alerts"
LAYOUT = "layout"
# What is not a table has a name among the versions all the same.
DOWNLOADS, PUBLICATION = "downloads/", "publication"
_TABLE = re.compile(r"[a-z0-9_]+(\.[a-z0-9_]+)?")
# No dot: so no name can climb out of its folder, nor look like a temporary one (see ``atomic``).
_IDENTIFIER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
_RESERVED = "current"


def quarantine(name: str) -> str:
    """The folder of the refused versions of a table."""
    return f"{QUARANTINE}/{table_name(name)}"


def runs(kind: str) -> str:
    """The folder of what runs recorded of one kind."""
    return f"{RUNS}/{identifier(kind, 'kind of run record')}"


def memory(key: str) -> str:
    """The file of what was remembered under a key."""
    return f"{MEMORY}/{identifier(key, 'memory')}.json"


def raw(source_id: str) -> str:
    """The folder of what was fetched of a source."""
    return f"{RAW}/{table_name(source_id)}"


def body(source_id: str, sha256: str) -> str:
    """The file of one body that was fetched of a source."""
    return f"{raw(source_id)}/{sha256}"


def inbox(source_id: str, file: str = "") -> str:
    """The folder for files of a source that people lay in, or one of them; people may call both as they like."""
    return f"{INBOX}/{source_id}/{file}"


def store_of(base: str, council: str) -> str:
    """The folder or address of a council's store, below that of a deployment's stores."""
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
    """Return ``name`` if it can name a run, a kind of run record, a memory or a publication.

    Args:
        name: the name to look at.
        meaning: what it names, for the sentence, such as ``run``.

    Raises:
        SpiError: where it holds anything but letters, digits, hyphens and underscores, or is ``current``.
    """
    if not _IDENTIFIER.fullmatch(name) or name == _RESERVED:
        raise SpiError(
            f"{name!r} cannot name a {meaning} in the store: use letters, digits, hyphens and underscores, "
            f"and not the word {_RESERVED!r}."
        )
    return name

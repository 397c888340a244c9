"""Where each thing lies below the root of a store, for paths, and for sentences and records that name it.

Forms only; what lies there is for the modules that write it, and which names are allowed for ``names``.
"""

from spi_pipeline.storage.names import identifier, table_name

TABLES, QUARANTINE, RUNS, RAW, INBOX = "tables", "quarantine", "runs", "raw", "inbox"
GOING = "going"
MEMORY, PUBLISHED, DATABASE = "memory", "published", "spi.duckdb"
# Each a folder whose inside belongs to others: to Dagster, and to the alerts' desk.
DAGSTER, ALERTS = "dagster", "alerts"
LAYOUT = "layout"
# What is not a table has a name among the versions all the same.
DOWNLOADS, PUBLICATION = "downloads/", "publication"


def quarantine(name: str) -> str:
    """The folder of the refused versions of a table."""
    return f"{QUARANTINE}/{table_name(name)}"


def runs(kind: str) -> str:
    """The folder of what runs recorded of one kind."""
    return f"{RUNS}/{identifier(kind, 'kind of run record')}"


def run(kind: str, run_id: str) -> str:
    """The file of what one run recorded of one kind."""
    return f"{runs(kind)}/{identifier(run_id, 'run')}.parquet"


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

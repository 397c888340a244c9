"""Which names may become part of a path below the store root.

Names only; where each of them goes is said by the modules that write there.
"""

import re

from spi_pipeline.contracts.errors import SpiError

_TABLE = re.compile(r"[a-z0-9_]+(\.[a-z0-9_]+)?")
# No dot: so no name can climb out of its folder, nor look like a temporary one (see ``atomic``).
_IDENTIFIER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
_RESERVED = "current"


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

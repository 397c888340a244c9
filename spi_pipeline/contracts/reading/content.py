"""What a contract file says of how figures are made, as a digest; what only judges them is left out."""

import hashlib
import json
from typing import Any

# Rules and bounds judge tables that there are; owners and channels say whom to ask, and how often a source is published
# says when it is late. None makes a figure.
_JUDGE = frozenset({"quality", "logicalTypeOptions", "enum", "plausible", "team", "support"})
_JUDGING_PROPERTIES = frozenset({"typical", "frequency", "grace"})


def content_digest(data: Any) -> str:
    """A digest of the content of a contract file, whatever its layout, comments, rules and bounds.

    Args:
        data: the file as plain values.
    """
    return hashlib.sha256(json.dumps(_made(data), sort_keys=True, default=str).encode()).hexdigest()


def _made(data: Any) -> Any:
    if isinstance(data, dict):
        made = {str(key): _made(value) for key, value in data.items() if key not in _JUDGE}
        # Within one major version a table is read as its contract whatever the rest of the number says.
        return made | ({"version": str(made["version"]).split(".")[0]} if "version" in made else {})
    if isinstance(data, list):
        return [_made(item) for item in data if not _judges(item)]
    return data


def _judges(item: Any) -> bool:
    return isinstance(item, dict) and item.get("property") in _JUDGING_PROPERTIES

"""A digest of the parts of a contract file that determine figures; parts that only judge figures are left out."""

import hashlib
import json
from typing import Any

# None of these keys and properties determines a figure: rules and bounds judge existing tables, owners and channels are
# for questions, and the frequency of a source only decides when it is late.
_JUDGING_KEYS = frozenset({"quality", "logicalTypeOptions", "enum", "plausible", "team", "support"})
_JUDGING_PROPERTIES = frozenset({"mean_magnitude", "frequency", "grace"})


def content_digest(data: Any) -> str:
    """A digest of the content of a contract file, independent of layout, comments, rules and bounds.

    Args:
        data: the file as plain values.
    """
    return hashlib.sha256(json.dumps(_determining(data), sort_keys=True, default=str).encode()).hexdigest()


def _determining(data: Any) -> Any:
    """The parts of the data that determine figures."""
    if isinstance(data, dict):
        parts = {str(key): _determining(value) for key, value in data.items() if key not in _JUDGING_KEYS}
        # Only the major version counts: within it, a table can be read under any version of its contract.
        return parts | ({"version": str(parts["version"]).split(".")[0]} if "version" in parts else {})
    if isinstance(data, list):
        return [_determining(item) for item in data if not _judges(item)]
    return data


def _judges(item: Any) -> bool:
    return isinstance(item, dict) and item.get("property") in _JUDGING_PROPERTIES

"""The methods that a profile declares, as the engine reads them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from spi_pipeline.engine.framework.entries import by_level


def declared_methods(methods: Mapping[str, Any], level: str, keys: Sequence[str]) -> dict[str, Any]:
    """The methods that a profile declares for a level."""
    declared = {key: methods[key] for key in keys if key in methods}
    declared = {key: one.get(level) if by_level(one, key) else one for key, one in declared.items()}
    return {key: one for key, one in declared.items() if one is not None}

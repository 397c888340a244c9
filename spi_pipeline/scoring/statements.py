"""What a profile states, in the engine's words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from spi_pipeline.engine.framework.statements import by_level


def stated(methods: Mapping[str, Any], level: str, keys: Sequence[str]) -> dict[str, Any]:
    """What a profile states for a level."""
    found = {key: methods[key] for key in keys if key in methods}
    found = {key: one.get(level) if by_level(one, key) else one for key, one in found.items()}
    return {key: one for key, one in found.items() if one is not None}

"""Point code under test at imitations in place of the real publishers."""

from __future__ import annotations

from collections.abc import Mapping

import pytest


def point(patch: pytest.MonkeyPatch, bases: Mapping[str, str]) -> None:
    """Set the environment variable of each endpoint to the address of its imitation."""
    for name, base in bases.items():
        patch.setenv(f"SPI_ENDPOINT_{name}", base)

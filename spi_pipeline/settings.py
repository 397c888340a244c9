"""Every setting, read from the environment in one place and nowhere else."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

_PACKAGE = Path(__file__).parent


def _default_contracts() -> Path:
    """The contracts beside the package in a checkout, else the copy an installed package carries."""
    checkout = _PACKAGE.parent / "data_contracts"
    return checkout if checkout.is_dir() else _PACKAGE / "data_contracts"


class Settings(BaseSettings):
    """Settings of one process, each from ``SPI_<NAME>``.

    Attributes:
        store: folder everything is written to.
        mode: ``snapshot`` computes from the embedded figures, ``live`` from the publishers.
        contracts: folder of the contracts; another council points this at its own.
        snapshot: folder of the embedded tables; likewise.
        since: first month wanted of live sources, ``YYYY-MM``; what each publisher's window holds when empty.
    """

    model_config = SettingsConfigDict(env_prefix="SPI_", extra="ignore")

    store: str = "./spi_store"
    mode: Literal["snapshot", "live"] = "snapshot"
    contracts: Path = _default_contracts()
    snapshot: Path = _PACKAGE / "snapshot" / "tables"
    since: str = Field(default="", pattern=r"^(20\d{2}-(0[1-9]|1[0-2]))?$")

    @property
    def endpoints(self) -> dict[str, str]:
        """Base addresses that replace the publishers' own, by name: ``SPI_ENDPOINT_<NAME>``."""
        prefix = "SPI_ENDPOINT_"
        return {
            name.removeprefix(prefix): base for name, base in os.environ.items() if name.startswith(prefix) and base
        }

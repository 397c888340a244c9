"""Every setting, read from the environment in one place and nowhere else."""

import os
import re
from pathlib import Path
from typing import Literal

from pydantic import SecretStr, field_validator
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
        alert_urls: Apprise URLs of those who are told what fails, each plain or as ``name=URL``; a secret.
        alert_channels: YAML file that says which of them is told what; see docs/alerts.md.
        ui_url: where people reach ``spi ui``, for links in alerts.
        since: first month wanted of live sources, ``YYYY-MM``; what each publisher's window holds when empty.
    """

    model_config = SettingsConfigDict(env_prefix="SPI_", extra="ignore")

    store: str = "./spi_store"
    mode: Literal["snapshot", "live"] = "snapshot"
    contracts: Path = _default_contracts()
    snapshot: Path = _PACKAGE / "snapshot" / "tables"
    alert_urls: SecretStr = SecretStr("")
    alert_channels: str = ""
    ui_url: str = "http://127.0.0.1:3000"
    since: str = ""

    @field_validator("since")
    @classmethod
    def _is_month(cls, since: str) -> str:
        if not re.fullmatch(r"(20\d{2}-(0[1-9]|1[0-2]))?", since):
            raise ValueError("write a month as YYYY-MM, such as 2024-04")
        return since

    @property
    def endpoints(self) -> dict[str, str]:
        """Base addresses that replace the publishers' own, by name: ``SPI_ENDPOINT_<NAME>``."""
        prefix = "SPI_ENDPOINT_"
        return {
            name.removeprefix(prefix): base for name, base in os.environ.items() if name.startswith(prefix) and base
        }

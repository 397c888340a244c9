"""Every setting, read from the environment in one place and nowhere else."""

import os
import re
from pathlib import Path
from typing import Annotated, Literal, get_args

from pydantic import SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

_PACKAGE = Path(__file__).parent
# What a refresh can make for readers.
OutputName = Literal["database", "downloads", "report", "site"]


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
        nomis_key: a key for Nomis, free of charge, with which an answer holds more rows; a secret.
        since: first month wanted of live sources, ``YYYY-MM``; what each publisher's window holds when empty.
        outputs: what a refresh makes for readers, such as ``site,report``; the database always.
        archives: ``drop`` keeps of an archive of all areas the files of ours alone, ``keep`` all of it.
    """

    model_config = SettingsConfigDict(env_prefix="SPI_", extra="ignore")

    store: str = "./spi_store"
    mode: Literal["snapshot", "live"] = "snapshot"
    contracts: Path = _default_contracts()
    snapshot: Path = _PACKAGE / "snapshot" / "tables"
    alert_urls: SecretStr = SecretStr("")
    alert_channels: str = ""
    ui_url: str = "http://127.0.0.1:3000"
    nomis_key: SecretStr = SecretStr("")
    since: str = ""
    archives: Literal["drop", "keep"] = "drop"
    outputs: Annotated[frozenset[OutputName], NoDecode] = frozenset({"database"})

    @field_validator("outputs", mode="before")
    @classmethod
    def _named(cls, outputs: object) -> object:
        if not isinstance(outputs, str):
            return outputs
        named = {name.strip().lower() for name in outputs.split(",") if name.strip()}
        if unknown := sorted(named.difference(get_args(OutputName))):
            raise ValueError(f"there is no output {unknown[0]!r}; name some of {', '.join(get_args(OutputName))}")
        return {"database", *named}

    @field_validator("since")
    @classmethod
    def _is_month(cls, since: str) -> str:
        if not re.fullmatch(r"(20\d{2}-(0[1-9]|1[0-2]))?", since):
            raise ValueError("write a month as YYYY-MM, such as 2024-04")
        return since

    @property
    def keys(self) -> dict[str, str]:
        """Keys for publishers, in clear, by the name of the endpoint they are for."""
        key = self.nomis_key.get_secret_value().strip()
        return {"NOMIS": key} if key else {}

    @property
    def endpoints(self) -> dict[str, str]:
        """Base addresses that replace the publishers' own, by name: ``SPI_ENDPOINT_<NAME>``."""
        prefix = "SPI_ENDPOINT_"
        return {
            name.removeprefix(prefix): base for name, base in os.environ.items() if name.startswith(prefix) and base
        }

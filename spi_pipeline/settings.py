"""Every setting. Only this module reads settings from the environment."""

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, get_args

from pydantic import Field, PositiveFloat, PrivateAttr, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from spi_pipeline.contracts.root import FIGURES, STORE, Root
from spi_pipeline.storage.shared.copy import Copy, root_of
from spi_pipeline.storage.shared.objects import URL

if TYPE_CHECKING:
    from spi_pipeline.contracts.models.geography import Geography
    from spi_pipeline.snapshot.figures import Figures
    from spi_pipeline.storage.retention import Retention

_PACKAGE = Path(__file__).parent
LogFormat = Literal["", "text", "json"]
# Outputs that a refresh can make for readers.
OutputName = Literal["database", "downloads", "report", "site"]


def _default_contracts() -> Path:
    """The contracts next to the package in a checkout, or else the copy inside an installed package."""
    checkout = _PACKAGE.parent / "data_contracts"
    return checkout if checkout.is_dir() else _PACKAGE / "data_contracts"


class Settings(BaseSettings):
    """Settings of one process, each read from ``SPI_<NAME>``.

    Attributes:
        store: the folder that everything is written to, inside the council's folder when ``SPI_COUNCIL`` is set; or the
            URL of a store that machines share, such as ``s3://bucket/prefix``; this machine then has a working copy.
        copies: the folder for working copies of shared stores; the user's cache when not set.
        mode: ``snapshot`` computes from the embedded figures, ``live`` fetches from the publishers.
        council: a council's folder, made by ``spi council``; when not set, the area that ``SPI_CONTRACTS`` describes.
        deployment: a YAML file that lists councils, which ``spi_pipeline.definitions`` gives Dagster as partitions.
        contracts: the folder of the contracts that councils share.
        snapshot: the folder of the embedded ward tables; inside the council's folder when ``SPI_COUNCIL`` is set.
        england: the folder of the embedded tables of all England, used where ``SPI_SNAPSHOT`` has no table.
        alert_urls: the channels for alerts: Apprise URLs separated by blanks, each plain or as ``name=URL``; secret.
        alert_channels: a YAML file that chooses the alerts for each channel; when empty, every channel receives all.
        ui_url: where people open ``spi ui``: linked in alerts, and the only host it accepts besides this machine.
        nomis_key: a key for Nomis, free of charge, which saves requests; secret.
        since: the first month to fetch from live sources, ``YYYY-MM``; when empty, each publisher's whole window.
        archives: what to store of an archive of all police forces: ``drop`` for our forces' files, ``keep`` for all.
        outputs: what a refresh makes besides the database: ``site``, ``report``, ``downloads``, separated by commas.
        schedule_everything: when the schedule of all live sources ticks, as a cron expression in London time.
        schedule_daily: the same for sources that publish at least monthly.
        schedule_weekly: the same for sources that publish at least yearly, or at no fixed interval.
        schedule_monthly: the same for sources that publish less often.
        log: ``text`` or ``json`` writes a line to standard error for each event of a run; no log when empty.
        fetch_hours: how many hours a run may fetch.
        compute_hours: how many hours a run may compute; a run that hangs is killed five minutes later.
        keep_runs: how many of the newest runs to retain, with their records and their history in Dagster.
        keep_versions: how many earlier versions of each table to retain besides current and published ones.
        keep_downloads: how many earlier sets of downloads of each live source to retain besides those that tables name.
        keep_refused: how many refused versions of each table to retain in quarantine.
        keep_publications: how many publications to retain besides the one that readers see.
    """

    model_config = SettingsConfigDict(env_prefix="SPI_", extra="ignore")

    store: str = "./spi_store"
    copies: Path | None = None
    mode: Literal["snapshot", "live"] = "snapshot"
    council: Path | None = None
    deployment: Path | None = None
    contracts: Path = _default_contracts()
    snapshot: Path = _PACKAGE / "snapshot" / "tables"
    england: Path = _PACKAGE / "snapshot" / "england"
    alert_urls: SecretStr = SecretStr("")
    alert_channels: str = ""
    ui_url: str = "http://127.0.0.1:3000"
    nomis_key: SecretStr = SecretStr("")
    since: str = ""
    archives: Literal["drop", "keep"] = "drop"
    outputs: Annotated[frozenset[OutputName], NoDecode] = frozenset({"database"})
    # In the early morning. Most publishers publish at 9:30 or noon; a delay until the next night does not matter.
    schedule_everything: str = "30 4 * * *"
    schedule_daily: str = "30 4 * * *"
    schedule_weekly: str = "30 4 * * MON"
    schedule_monthly: str = "30 4 2 * *"
    log: LogFormat = ""
    fetch_hours: PositiveFloat = 12
    compute_hours: PositiveFloat = 2
    keep_runs: Annotated[int, Field(ge=1)] = 30
    keep_versions: Annotated[int, Field(ge=0)] = 3
    keep_downloads: Annotated[int, Field(ge=0)] = 6
    keep_refused: Annotated[int, Field(ge=1)] = 5
    keep_publications: Annotated[int, Field(ge=0)] = 1
    _shared: str = PrivateAttr("")

    @model_validator(mode="after")
    def _in_the_council_s_folder(self) -> "Settings":
        if self.council is not None:
            if "store" not in self.model_fields_set:
                self.store = str(self.council / STORE)
            if "snapshot" not in self.model_fields_set:
                self.snapshot = self.council / FIGURES
        return self

    @model_validator(mode="after")
    def _in_a_working_copy(self) -> "Settings":
        if URL.match(self.store):
            self._shared = self.store
            self.store = str(root_of(self.store, self._copies()))
        return self

    def _copies(self) -> Path:
        return self.copies or Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "spi"

    @property
    def shared(self) -> Copy | None:
        """The machine's working copy of a shared store; None if the store is a folder."""
        return Copy(self._shared, self._copies()) if self._shared else None

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
    def root(self) -> Root:
        """The folders that contracts are read from."""
        return Root(self.contracts, self.council)

    def figures(self, geography: "Geography") -> "Figures":
        """The embedded figures for the wards of a geography."""
        from spi_pipeline.snapshot.figures import Figures  # here since it loads pyarrow

        # A council may have no tables of its own; without a council, a missing folder is a mistake.
        own = None if self.council is not None and not self.snapshot.exists() else self.snapshot
        return Figures(own, self.england, geography)

    @property
    def retention(self) -> "Retention":
        """How many runs, versions, downloads and publications to retain."""
        from spi_pipeline.storage.retention import Retention  # here since it loads pyarrow

        return Retention(
            runs=self.keep_runs,
            versions=self.keep_versions,
            downloads=self.keep_downloads,
            refused=self.keep_refused,
            publications=self.keep_publications,
        )

    @property
    def keys(self) -> dict[str, str]:
        """Keys for publishers, as plain text, by the name of their endpoint."""
        key = self.nomis_key.get_secret_value().strip()
        return {"NOMIS": key} if key else {}

    @property
    def endpoints(self) -> dict[str, str]:
        """Base addresses that replace those of the publishers, by endpoint name: ``SPI_ENDPOINT_<NAME>``."""
        prefix = "SPI_ENDPOINT_"
        return {
            name.removeprefix(prefix): base for name, base in os.environ.items() if name.startswith(prefix) and base
        }

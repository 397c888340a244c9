"""Every setting, read from the environment in one place and nowhere else."""

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
# What a refresh can make for readers.
OutputName = Literal["database", "downloads", "report", "site"]


def _default_contracts() -> Path:
    """The contracts beside the package in a checkout, else the copy an installed package carries."""
    checkout = _PACKAGE.parent / "data_contracts"
    return checkout if checkout.is_dir() else _PACKAGE / "data_contracts"


class Settings(BaseSettings):
    """Settings of one process, each from ``SPI_<NAME>``.

    Attributes:
        store: everything is written to this folder, in the council's folder where there is one; or a URL such as
            ``s3://bucket/prefix`` that machines share: then the folder is this machine's working copy of it.
        copies: the folder of working copies of shared stores; in the user's cache when left out.
        mode: ``snapshot`` computes from the embedded figures, ``live`` from what the publishers answer.
        council: a council's folder, as ``spi council`` makes one; the town of ``contracts`` when left out.
        deployment: a YAML file that lists councils: ``spi_pipeline.definitions`` then gives Dagster these, each whole.
        contracts: the folder of the contracts that councils share.
        snapshot: the folder of the embedded tables of the wards; in the council's folder where there is one.
        england: the folder of the embedded tables of all England, which are taken where ``snapshot`` has none.
        alert_urls: who is told what fails, as Apprise URLs, each plain or as ``name=URL``; a secret.
        alert_channels: a YAML file that says which of them is told what; all of them everything when empty.
        ui_url: where people reach ``spi ui``: for links in alerts, and it answers to no other name but this machine's.
        nomis_key: a key for Nomis, free of charge, with which fewer requests are needed; a secret.
        since: the first month wanted of live sources, ``YYYY-MM``; what each publisher's window holds when empty.
        archives: ``drop`` keeps of an archive of all police forces the files of ours alone, ``keep`` all of it.
        outputs: what a refresh makes for readers beside the database: ``site``, ``report``, ``downloads``, with commas.
        schedule_everything: when the schedule of all live sources ticks, as cron says it, in the time of London.
        schedule_daily: likewise of those published every month, which are asked for every day.
        schedule_weekly: likewise of those published every year, or at no fixed interval.
        schedule_monthly: likewise of those published less often.
        log: ``text`` or ``json`` writes a line for each thing a run does to standard error; none when empty.
        fetch_hours: how long a run may ask publishers.
        compute_hours: how long a run may compute; one that hangs is ended five minutes later.
        keep_runs: so many of the newest runs keep what they recorded, and their history in Dagster.
        keep_versions: so many earlier versions of each table are kept, beside those that are current or published.
        keep_downloads: so many earlier sets of downloads of each live source are kept, beside those that tables name.
        keep_refused: so many refused versions of each table are kept in quarantine.
        keep_publications: so many publications are kept, beside the one that readers see.
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
    # After the publishers' own mornings; most publish at 9:30 or noon, and one day's delay matters to nobody.
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
        """The machine's working copy of a shared store; None where the store is a folder."""
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
        """Where contracts lie."""
        return Root(self.contracts, self.council)

    def figures(self, geography: "Geography") -> "Figures":
        """What is embedded for the wards of a geography."""
        from spi_pipeline.snapshot.figures import Figures  # not for every command: it loads pyarrow

        # A council need not have tables of its own; anywhere else a folder that is not there is a slip.
        own = None if self.council is not None and not self.snapshot.exists() else self.snapshot
        return Figures(own, self.england, geography)

    @property
    def retention(self) -> "Retention":
        """How much of what is over is kept."""
        from spi_pipeline.storage.retention import Retention  # not for every command: it loads pyarrow

        return Retention(
            runs=self.keep_runs,
            versions=self.keep_versions,
            downloads=self.keep_downloads,
            refused=self.keep_refused,
            publications=self.keep_publications,
        )

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

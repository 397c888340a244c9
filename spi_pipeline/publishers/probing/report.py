"""What a visit saw, as it is written to a file, sent to somebody else and read there.

There is no cell, address of a person, key, path of a machine or name of a proxy in it: only what ``Shape`` may hold,
and of an answer its status, size and some headers.
"""

import json
import os
import platform
import ssl
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Literal
from urllib.request import getproxies

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.publishers.http.exchange import MEGABYTE
from spi_pipeline.publishers.probing.probe import Names, Shape, Told, told

# Those that say what the content is and how it may be asked for; none that names who asked, or through whom.
HEADERS = (
    "accept-ranges", "cache-control", "content-disposition", "content-encoding", "content-length", "content-range",
    "content-type", "etag", "last-modified", "retry-after", "x-ratelimit-limit", "x-ratelimit-remaining",
)  # fmt: skip
# requests reads the first, curl and much else the second.
CERTIFICATES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
Outcome = Literal[
    "answered", "refused", "page", "empty", "other form", "unreadable", "broken off", "late", "unreached", "untrusted",
    "proxy", "elsewhere", "leads nowhere", "not asked", "left out",
]  # fmt: skip


def _kept(headers: dict[str, str]) -> dict[str, str]:
    return {name: told(value) for name, value in headers.items() if name in HEADERS}


class Observation(BaseModel):
    """What one probe saw.

    Attributes:
        probe: its name.
        endpoint: name of the setting that replaces its address.
        method: how it was asked.
        path: below the endpoint's address, without the query.
        params: the names of what the query or form held.
        outcome: in a word; the rest is told where it was ``answered``.
        status: the HTTP status, where one came.
        seconds: how long it took.
        headers: those of ``HEADERS`` that came.
        size: bytes of the whole body, where they were told or all of it came.
        shape: how the body is made.
        said: what the failure says on this machine, which no report holds.
    """

    model_config = ConfigDict(frozen=True)

    probe: Told
    endpoint: Told = ""
    method: Literal["GET", "POST"] = "GET"
    path: Told = ""
    params: Names = ()
    outcome: Outcome
    status: int | None = None
    seconds: float = 0.0
    headers: Annotated[dict[str, str], AfterValidator(_kept)] = {}
    size: int | None = None
    shape: Shape | None = None
    said: str = Field(default="", exclude=True)


class Report(BaseModel):
    """What a visit saw.

    Attributes:
        form: of this file.
        versions: of what asked.
        asked_at: when, ISO 8601, UTC.
        seconds: how long it took.
        requests: how many went out, redirects among them.
        authorities: codes of those it was asked for.
        through_proxy: whether a proxy is set on the machine.
        own_authorities: whether it names certificate authorities of its own.
        replaced: endpoints whose address was replaced by a setting.
        observations: what each probe saw.
    """

    model_config = ConfigDict(frozen=True)

    form: Literal[1] = 1
    versions: dict[Told, Told]
    asked_at: Told
    seconds: float
    requests: int
    authorities: Names
    through_proxy: bool
    own_authorities: bool
    replaced: Names = ()
    observations: tuple[Observation, ...]


def versions() -> dict[str, str]:
    """Of what asks: a publisher or a proxy may turn away an old one."""
    libraries = {name: version(name) for name in ("spi-pipeline", "requests", "urllib3")}
    return {**libraries, "python": platform.python_version(), "openssl": ssl.OPENSSL_VERSION}


def surroundings() -> tuple[bool, bool]:
    """Whether a proxy is set on this machine, and whether certificate authorities of its own are; no name of either."""
    return bool({"http", "https", "all"} & getproxies().keys()), any(os.environ.get(name) for name in CERTIFICATES)


def as_data(report: Report) -> dict[str, object]:
    """A report as it is written, without what is empty."""
    found: dict[str, object] = report.model_dump(mode="json", exclude_defaults=True)
    return {"form": report.form, **found}


def write_report(report: Report, file: Path) -> None:
    """Write a report.

    Raises:
        SpiError: when the file cannot be written.
    """
    try:
        file.write_text(json.dumps(as_data(report), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    except OSError as error:
        raise SpiError(f"{file} cannot be written ({error.strerror}); give another one with --report") from error


def read_report(file: Path) -> Report:
    """Read a report, whoever sent it.

    Raises:
        SpiError: when it is none.
    """
    try:
        if file.stat().st_size > 10 * MEGABYTE:
            raise SpiError(f"{file} is no report of spi doctor: it has more than 10 MB")
        return Report.model_validate_json(file.read_bytes())
    except OSError as error:
        raise SpiError(f"{file} cannot be read ({error.strerror}); name the file that was sent") from error
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "the beginning"
        raise SpiError(
            f"{file} is no report of spi doctor as this version writes it ({told(where)}: {first['msg']}); have it "
            "made again with spi doctor --live --report"
        ) from error

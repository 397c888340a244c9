"""The report of a visit: a file that users send to the maintainers, who read it with their own version.

It holds no cell, personal address, key, path of a machine or name of a proxy: only what ``Shape`` may hold, and the
status, size and some headers of each response.
"""

import json
import platform
import re
import ssl
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Literal
from urllib.request import getproxies

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.publishers.http.authorities import own_authorities
from spi_pipeline.publishers.http.exchange import MEGABYTE, Kind
from spi_pipeline.publishers.probing.probe import Names, SanitisedText, Shape, sanitised

# Headers that describe the content and how to request it; none that identifies the sender or a proxy.
HEADERS = (
    "accept-ranges", "cache-control", "content-disposition", "content-encoding", "content-length", "content-range",
    "content-type", "etag", "last-modified", "retry-after", "x-ratelimit-limit", "x-ratelimit-remaining",
)  # fmt: skip
Outcome = Literal[Kind, "received", "page", "empty", "other form", "leads nowhere", "not sent", "left out"]


# Patterns of values that look like a key but identify nobody: sizes, and the MD5 of a public file as its tag.
_PLAIN = {
    "content-length": re.compile(r"\d{1,15}"),
    "content-range": re.compile(r"bytes (\d{1,15}-\d{1,15}|\*)/(\d{1,15}|\*)"),
    "etag": re.compile(r'(W/)?"[0-9a-f]{32}(-\d{1,5})?"'),
}


def _reportable(headers: dict[str, str]) -> dict[str, str]:
    chosen = {name: value for name, value in headers.items() if name in HEADERS}
    plain = {name for name, form in _PLAIN.items() if form.fullmatch(chosen.get(name, ""))}
    return {name: value if name in plain else sanitised(value) for name, value in chosen.items()}


class Observation(BaseModel):
    """The observation of one probe.

    Attributes:
        probe: the name of the probe.
        endpoint: the name of the setting that replaces its address.
        method: the method of the request.
        path: the path below the endpoint's address, without the query.
        params: the names of the parameters in the query or form.
        outcome: the outcome in a word or two; the shape is given only if it is ``received``.
        status: the HTTP status, if there was a response.
        seconds: how long the request took.
        headers: the headers of the response that are in ``HEADERS``.
        size: bytes of the whole body, if they were declared or all of it was received.
        shape: the structure of the body.
        reason: the full reason for a failure, shown on this machine and left out of the report.
    """

    model_config = ConfigDict(frozen=True)

    probe: SanitisedText
    endpoint: SanitisedText = ""
    method: Literal["GET", "POST"] = "GET"
    path: SanitisedText = ""
    params: Names = ()
    outcome: Outcome
    status: int | None = None
    seconds: float = 0.0
    headers: Annotated[dict[str, str], AfterValidator(_reportable)] = {}
    size: int | None = None
    shape: Shape | None = None
    reason: str = Field(default="", exclude=True)


class Report(BaseModel):
    """The observations of a visit.

    Attributes:
        form: the version of the report's format.
        versions: the versions of the software that sent the requests.
        visited_at: the time of the visit, ISO 8601, UTC.
        seconds: how long the visit took.
        requests: the number of requests sent, including redirects.
        authorities: codes of the authorities that data were requested for.
        through_proxy: whether a proxy is set on the machine.
        own_authorities: whether the machine's settings name custom certificate authorities.
        replaced: endpoints whose address was replaced by a setting.
        observations: the observation of each probe.
    """

    model_config = ConfigDict(frozen=True)

    form: Literal[2] = 2
    versions: dict[SanitisedText, SanitisedText]
    visited_at: SanitisedText
    seconds: float
    requests: int
    authorities: Names
    through_proxy: bool
    own_authorities: bool
    replaced: Names = ()
    observations: tuple[Observation, ...]


def versions() -> dict[str, str]:
    """Return the versions of the software that sends requests, since a publisher or proxy may block an old one."""
    libraries = {name: version(name) for name in ("spi-pipeline", "requests", "urllib3")}
    return {**libraries, "python": platform.python_version(), "openssl": ssl.OPENSSL_VERSION}


def surroundings() -> tuple[bool, bool]:
    """Return whether this machine has a proxy set, and whether it has custom certificate authorities."""
    return bool({"http", "https", "all"} & getproxies().keys()), bool(own_authorities()[0])


def as_data(report: Report) -> dict[str, object]:
    """Return a report as it is written, without empty fields."""
    data: dict[str, object] = report.model_dump(mode="json", exclude_defaults=True)
    return {"form": report.form, **data}


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
    """Read a report, which may come from anyone.

    Raises:
        SpiError: when the file is not a report.
    """
    try:
        if file.stat().st_size > 10 * MEGABYTE:
            raise SpiError(f"{file} is not a report of spi doctor: it has more than 10 MB")
        return Report.model_validate_json(file.read_bytes())
    except OSError as error:
        raise SpiError(f"{file} cannot be read ({error.strerror}); name the file that was sent") from error
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "the beginning"
        raise SpiError(
            f"{file} is not a report of spi doctor of this version ({sanitised(where)}: {first['msg']}); write it "
            "again with spi doctor --live --report"
        ) from error

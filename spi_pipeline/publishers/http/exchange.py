"""The types shared by the HTTP client and the publishers' modules.

A publisher's module declares each ``Host`` it uses. For each of its sources it offers ``fetch``, which chooses the
requests and their order, and ``parse``, which makes the source's table from the responses. The client sends a
``Request`` and returns a ``Download``, bytes on disk that never change. Neither knows how the other works. This module
only declares types.

A publisher's module may rely on this:

* ``fetch`` requests everything its table is made of, every time. The client does not repeat a request that is
  ``immutable`` and has a stored response, nor one that the same refresh completed before it was killed. It repeats all
  others, conditionally if the publisher gave a validator; the same bytes are then the same ``Download``.
* Stored responses are in ``scope.have``, including those that the publisher no longer offers: ``fetch`` yields a month
  that has left the publisher's window from there.
* A body reaches ``fetch`` whole, with its status, type, length, checksum and first bytes checked. The ``check`` passed
  to ``get`` finds faults that depend on the publisher's dialect (an error with status 200, rows cut off, another
  header) before the body is stored. After a ``TransientFailure`` the request is retried, after a ``PermanentFailure``
  it is not.
* ``parse`` receives exactly what ``fetch`` returned or, if files are in the inbox, those files instead. It must
  recognise a file by its content or ``name``, and raise ``SpiError`` for one that it does not recognise.
* ``parse`` reads from disk in batches, since a download may be larger than memory.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from shapely.geometry.base import BaseGeometry

from spi_pipeline.contracts.download import Download as Download
from spi_pipeline.contracts.errors import SpiError

Media = Literal["csv", "json", "zip", "xlsx", "html", "gzip"]
Archives = Literal["drop", "keep"]
Pairs = tuple[tuple[str, str], ...]
MEGABYTE = 1_000_000
Kind = Literal["refused", "late", "unreached", "untrusted", "proxy", "elsewhere", "broken off", "unreadable"]


class PermanentFailure(SpiError):  # noqa: N818
    """A failure that a retry would repeat: an unknown path, a refusal, a body of another form.

    Attributes:
        status: the HTTP status, or None if the status is not the reason.
        kind: the kind of failure; ``unreadable`` if a body arrived and is not as expected.
    """

    def __init__(self, message: str, status: int | None = None, *, kind: Kind = "unreadable") -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind


class TransientFailure(SpiError):  # noqa: N818
    """A failure that a retry may overcome: no connection, overload, a body cut short.

    Attributes:
        status: the HTTP status, or None if the status is not the reason.
        after: the seconds that the publisher asks clients to wait, or None.
        kind: as for a ``PermanentFailure``.
    """

    def __init__(
        self, message: str, status: int | None = None, after: float | None = None, *, kind: Kind = "unreadable"
    ) -> None:
        super().__init__(message)
        self.status = status
        self.after = after
        self.kind = kind


@dataclass(frozen=True)
class Host:
    """One address of a publisher, where its redirects may lead, and how many requests it may be sent.

    Attributes:
        name: the name in the setting ``SPI_ENDPOINT_<NAME>``, which replaces the base.
        base: the address in front of every path.
        folder: the beginning of every path, with which an overriding base may therefore end.
        redirects: further hosts that its redirects may lead to.
        rate: requests in any one second; most publishers state no limit, or not the one they enforce.
        empty_is_final: whether an empty body with status 200 means "nothing under these codes" and is not retried.
    """

    name: str
    base: str
    folder: str = ""
    redirects: tuple[str, ...] = ()
    rate: int = 5
    empty_is_final: bool = False


@dataclass(frozen=True)
class Request:
    """One request to a publisher.

    Attributes:
        host: the host to send it to.
        path: the path below the host's base, beginning with a slash.
        params: the query, in order.
        data: a form; if it is given, the request is a POST.
        media: the forms of body that are accepted, judged by content and not only by the header.
        period: the period the response is for: ``YYYY-MM``, a year, a release.
        immutable: whether the response cannot change any more; a stored response is then not requested again.
        final: statuses that are not retried for this request though they are for others, such as 503 for an area with
            too many crimes.
        max_bytes: a larger body is refused before it fills the disk.
        md5: the hex digest of the body, if the publisher publishes one; a body with another digest is requested again.
        secret: parameters, such as a key, that are sent but neither shown nor stored; they do not change the response.
        part: names the part of the body that the check retains, if not all of it is to be stored. It follows a ``#``
            in the address of the download, and is not sent.
    """

    host: Host
    path: str
    params: Pairs = ()
    data: Pairs | None = None
    media: tuple[Media, ...] = ("csv",)
    period: str = ""
    immutable: bool = False
    final: tuple[int, ...] = ()
    max_bytes: int = 256 * MEGABYTE
    md5: str = ""
    secret: Pairs = ()
    part: str = ""


Check = Callable[[Path], None]


class Client(Protocol):
    """Sends requests to publishers, for one source."""

    def get(self, request: Request, check: Check | None = None) -> Download:
        """Send a request and store the response.

        Args:
            request: the request.
            check: examines the body before it is stored, and raises one of the two failures if it is not as expected.
                If the request names a part, the check also replaces the body by that part.

        Raises:
            PermanentFailure: when a retry would not help.
            TransientFailure: when a retry might help, but those of this request or of the run are used up.
        """

    def announce(self, requests: Sequence[Request]) -> None:
        """Report, before a set of large downloads, the total size of those that are not stored yet.

        A publisher's module calls it once, with all downloads whose size its user should know beforehand.
        """

    def read_json(self, request: Request, check: Check | None = None) -> Any:
        """Send a request as ``get`` does and return the JSON, for a small response that lists what can be fetched."""

    def absolute(self, url: str, allowed: Sequence[Host]) -> Request:
        """Return the request for an absolute address in a response; set its other fields by ``dataclasses.replace``.

        Raises:
            PermanentFailure: when the address is on none of the allowed hosts.
        """


@dataclass(frozen=True)
class Scope:
    """The areas and months to fetch.

    Attributes:
        authorities: codes of our authorities, ascending, as all codes below.
        names: names of the authorities, in their order.
        wards: wards of the vintage of ``geography.yaml``.
        former_wards: codes of earlier sets of wards, refused wherever they appear.
        output_areas: output areas of 2021.
        lsoas: LSOAs of 2021.
        lsoas_2011: LSOAs of 2011.
        msoas: MSOAs of 2021.
        forces: slugs of the police forces.
        polygons: each ward's boundary, longitude and latitude, by its code.
        since: the first month to fetch, ``YYYY-MM``; None for all months in the publisher's own window.
        only: the months to fetch, ``YYYY-MM``, if not all of them; for sources that are fetched by month.
        archives: ``drop`` to store only our areas' files of an archive of all areas, ``keep`` to store all of it.
        as_of: the day of the run, ``YYYY-MM-DD``.
        keys: the user's keys by name of the host; for ``Request.secret`` and nothing else.
        have: stored responses of this source that were not refused: the newest to each request, oldest period first.
    """

    authorities: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    wards: tuple[str, ...] = ()
    former_wards: tuple[str, ...] = ()
    output_areas: tuple[str, ...] = ()
    lsoas: tuple[str, ...] = ()
    lsoas_2011: tuple[str, ...] = ()
    msoas: tuple[str, ...] = ()
    forces: tuple[str, ...] = ()
    polygons: Mapping[str, BaseGeometry] = field(default_factory=dict)
    since: str | None = None
    only: tuple[str, ...] = ()
    archives: Archives = "drop"
    as_of: str = ""
    keys: Mapping[str, str] = field(default_factory=dict, repr=False)
    have: tuple[Download, ...] = ()


class ResponseCache(Protocol):
    """Stores the client's responses: one folder of the store, for one source."""

    def stored(self, key: str) -> Download | None:
        """Return the response last stored for a request, or None."""

    def is_current(self, key: str, *, immutable: bool) -> bool:
        """Whether the stored response needs no new request: immutable, or of this refresh, and not refused since."""

    def receiving(self, key: str) -> AbstractContextManager[Path]:
        """Return a context with the path of a file for the body of a response; it may hold a part received earlier.

        The file is removed afterwards, unless the body was stored or has a note.
        """

    def resume_note(self, key: str) -> Mapping[str, str]:
        """Return the note of a body received in part; empty if there is none."""

    def restart_body(self, key: str, note: Mapping[str, str]) -> None:
        """Start a new body with a note for resuming it; the note is empty if it cannot be resumed."""

    def store(
        self, key: str, body: Path, url: str, period: str, published_at: str | None, headers: Mapping[str, str]
    ) -> Download:
        """Store a body; the same bytes in response to the same request are the same download."""

    def confirm(self, key: str) -> None:
        """Record that the publisher confirmed the stored response."""

"""The words that those who ask publishers and those who read their answers share.

A publisher's module states each ``Host`` it asks, and offers for each of its sources ``fetch``, which says what to ask
for and in which order, and ``parse``, which makes the source's table of the answers. The client sends a ``Request`` and
hands back a ``Download``, bytes on disk that never change. Neither knows how the other works, and nothing here does
anything.

What a publisher's module may rely on:

* It asks for everything its table is made of, every time. The client does not send again what it has: a request with
  ``settled`` that was answered before, and any request that the same, killed, refresh was answered. Everything else is
  asked again, conditionally where the publisher gave a validator; the same bytes are then the same ``Download``.
* What was kept before is in ``scope.have``, also what its publisher no longer offers: a month that fell out of the
  window is yielded from there.
* A body reaches the fetcher whole: status, type, length, checksum and first bytes are as they should be. What only
  the publisher's dialect tells (an error told with status 200, rows cut off, another header) is judged by the ``check``
  given to ``get``, before the body is kept: ``TransientFailure`` has it asked for again, ``PermanentFailure`` has not.
* ``parse`` is given exactly what ``fetch`` returned or, where somebody laid files into the inbox, those files instead:
  it must tell what a file is by its content or ``name``, and raises ``SpiError`` for what it does not recognise.
* ``parse`` reads from disk in batches; a download may be larger than memory.
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
    """Asking again would give the same: an unknown path, a refusal, a body of another form.

    Attributes:
        status: the HTTP status, or None where it was not that which failed.
        kind: what failed, in a word; of a body that came, that it is not what it should be.
    """

    def __init__(self, message: str, status: int | None = None, *, kind: Kind = "unreadable") -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind


class TransientFailure(SpiError):  # noqa: N818
    """Asking later may help: no connection, overload, a body cut short.

    Attributes:
        status: the HTTP status, or None where it was not that which failed.
        after: seconds the publisher asks to wait for, or None where it says nothing.
        kind: as of a ``PermanentFailure``.
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
    """One address of a publisher: where it is, where its redirects may lead, how fast it may be asked.

    Attributes:
        name: of the setting ``SPI_ENDPOINT_<NAME>``, which replaces the base.
        base: in front of every path.
        folder: what every path begins with, and an overriding base may therefore end with.
        redirects: further hosts that its redirects may lead to.
        rate: requests in any one second; most publishers state none, or do not say what they enforce.
        empty_is_final: whether an empty body with status 200 is an answer ("nothing under these codes") and no fault.
    """

    name: str
    base: str
    folder: str = ""
    redirects: tuple[str, ...] = ()
    rate: int = 5
    empty_is_final: bool = False


@dataclass(frozen=True)
class Request:
    """One thing to ask a publisher for.

    Attributes:
        host: whom to ask.
        path: below its base, beginning with a slash.
        params: the query, in order.
        data: a form; with it the request is a POST.
        media: forms of body that are accepted, by content and not only by what the header says.
        period: what the answer is for: ``YYYY-MM``, a year, a release.
        settled: the answer does not change any more, so one that was kept is not asked for again.
        final: statuses that are final here though they are worth another try elsewhere, such as 503 for an area with
            too many crimes.
        max_bytes: a larger body is refused, before it fills the disk.
        md5: the hex digest that the publisher publishes of the body, where it does; another body is asked for again.
        secret: parameters that are sent, and told and kept nowhere, such as a key; they do not change the answer.
        part: names what the check leaves of the body, where not all of it is to be kept; told behind a ``#`` in the
            address of the download, and not sent.
    """

    host: Host
    path: str
    params: Pairs = ()
    data: Pairs | None = None
    media: tuple[Media, ...] = ("csv",)
    period: str = ""
    settled: bool = False
    final: tuple[int, ...] = ()
    max_bytes: int = 256 * MEGABYTE
    md5: str = ""
    secret: Pairs = ()
    part: str = ""


Check = Callable[[Path], None]


class Client(Protocol):
    """Asks publishers, for one source."""

    def get(self, request: Request, check: Check | None = None) -> Download:
        """Ask, and keep the answer.

        Args:
            request: what to ask for.
            check: looks at the body before it is kept, and raises one of the two failures where it is not what it
                should be; where the request names a part, it also puts that part in the body's place.

        Raises:
            PermanentFailure: when asking again would not help.
            TransientFailure: when it might, but the tries of this request or of the run are spent.
        """

    def announce(self, requests: Sequence[Request]) -> None:
        """Say, before the first of some large downloads, how much those that are not had yet will bring.

        A publisher's module calls it with everything of a size that its user should know of beforehand, in one list.
        """

    def read_json(self, request: Request, check: Check | None = None) -> Any:
        """The same for a small answer that says what there is to ask for, read."""

    def absolute(self, url: str, allowed: Sequence[Host]) -> Request:
        """The request for an absolute address found in an answer: ``dataclasses.replace`` the rest.

        Raises:
            PermanentFailure: when it leads to none of the allowed hosts.
        """


@dataclass(frozen=True)
class Scope:
    """For whom to ask, and since when.

    Attributes:
        authorities: codes, ascending, as all that follow.
        names: of the authorities, in their order.
        wards: of the vintage of ``geography.yaml``.
        former_wards: codes of the sets before, refused wherever they appear.
        output_areas: of 2021.
        lsoas: of 2021.
        lsoas_2011: likewise of 2011.
        msoas: of 2021.
        forces: slugs of the police forces.
        polygons: each ward's boundary, longitude and latitude, by its code.
        since: first month wanted, ``YYYY-MM``; None for what the publisher's own window holds.
        only: the months wanted, ``YYYY-MM``, where not all of them are; of sources that are had by month.
        archives: ``drop`` to keep of an archive of all areas the files of ours alone, ``keep`` for all of it.
        as_of: the day of the run, ``YYYY-MM-DD``.
        keys: by the name of a host the key that somebody has for it; for ``Request.secret`` and nothing else.
        have: what is kept of this source and was not refused, newest answer to each request, oldest period first.
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


class Shelf(Protocol):
    """Where the client keeps what it was given: one folder of the store, for one source."""

    def answer(self, key: str) -> Download | None:
        """What was last kept for a request, or None."""

    def stands(self, key: str, *, settled: bool) -> bool:
        """Whether that need not be asked for again: it is settled, or of this refresh, and was not refused since."""

    def receiving(self, key: str) -> AbstractContextManager[Path]:
        """A context with the path of a file to write the body of an answer to, which may hold a part of it from before.

        It is gone afterwards, unless it was kept or something is noted of it.
        """

    def noted(self, key: str) -> Mapping[str, str]:
        """What is noted of a body that came in part; empty where nothing is."""

    def note(self, key: str, noted: Mapping[str, str]) -> None:
        """Begin a body anew, and note what it takes to go on with it; nothing, where that cannot be."""

    def keep(
        self, key: str, body: Path, url: str, period: str, published_at: str | None, headers: Mapping[str, str]
    ) -> Download:
        """Take a body over; the same bytes in answer to the same request are the same download."""

    def confirm(self, key: str) -> None:
        """Note that the publisher says that what is kept is still its answer."""

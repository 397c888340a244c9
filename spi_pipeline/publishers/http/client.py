"""Asking a publisher over HTTP: one request, as often as it takes and no more, its answer on disk.

What is asked, and what answers mean, is for the publishers' modules; where addresses may lead for ``addresses``; what
statuses and broken connections mean for ``answers``; whether a body is whole for ``bodies``; how fast for ``limits``.
"""

import hashlib
import json
import logging
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar
from urllib.parse import urlsplit

import requests
import tenacity

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.publishers.http import bodies, parts
from spi_pipeline.publishers.http.addresses import Addresses
from spi_pipeline.publishers.http.answers import NETWORK, beginning, published, receive, refused, unreached
from spi_pipeline.publishers.http.authorities import own_authorities
from spi_pipeline.publishers.http.exchange import (
    MEGABYTE,
    Check,
    Download,
    Host,
    PermanentFailure,
    Request,
    Shelf,
    TransientFailure,
)  # fmt: skip
from spi_pipeline.publishers.http.limits import Budget, Limits
from spi_pipeline.publishers.http.pace import PATIENCE, Pace, Paced, Patience
from spi_pipeline.publishers.http.peeking import Peek, Piece, peek
from spi_pipeline.publishers.http.recording import Recording

_T = TypeVar("_T")

# What it says for those who look for faults holds whole addresses, and with them a key.
logging.getLogger("urllib3.connectionpool").setLevel(logging.INFO)
_TRIES = 4
_LONGEST_WAIT = 600.0
_REDIRECTS = 5
_KEPT_HEADERS = ("content-type", "last-modified", "etag", "content-disposition")
_SMALL_ANSWER = 64 * MEGABYTE


def _hiding(once: Callable[..., _T]) -> Callable[..., _T]:
    """A try whose failures do not repeat a secret that the answer repeats."""

    def hiding(client: "HttpClient", request: Request, *given: Any) -> _T:
        try:
            return once(client, request, *given)
        except (PermanentFailure, TransientFailure) as error:
            for _, secret in request.secret:
                error.args = (str(error).replace(secret, "…"),)
            raise

    return hiding


class HttpClient:
    """Asks publishers, for one source; see ``exchange.Client``.

    Attributes:
        asked: how many requests went out.

    Args:
        shelf: where answers are kept.
        addresses: where publishers are.
        limits: how fast they may be asked.
        budget: how often this run may try again.
        contact: whom a publisher can turn to, told in every request.
        sleep: waits; that of the budget when left out.
        tell: told, in a line now and then, what is waited for.
        patience: how long is waited for what.
        recording: keeps each request with its answer.
    """

    def __init__(
        self,
        shelf: Shelf,
        addresses: Addresses,
        limits: Limits,
        budget: Budget,
        contact: str = "",
        sleep: Callable[[float], None] | None = None,
        tell: Callable[[str], None] = lambda _line: None,
        patience: Patience | None = None,
        recording: Recording | None = None,
    ) -> None:
        self.asked = 0
        self._shelf = shelf
        self._addresses = addresses
        self._limits = limits
        self._budget = budget
        self._sleep = sleep or budget.pause
        self._tell = tell
        self._recording = recording
        self._pace = Pace(patience or PATIENCE, budget.left, self._say)
        self._gained = False
        self._told_of_part = False
        self._session = requests.Session()
        self._session.mount("http://", Paced(self._pace))
        self._session.mount("https://", Paced(self._pace))
        self._session.auth = _nobody
        about = "; ".join(filter(None, ("Social Progress Index for electoral wards", contact)))
        self._session.headers.clear()
        self._session.headers.update(
            {
                "User-Agent": f"spi-pipeline/{version('spi-pipeline')} ({about})",
                "Accept": "*/*",
                "Accept-Encoding": "gzip",
            }
        )

    def get(self, request: Request, check: Check | None = None) -> Download:
        """See ``exchange.Client``."""
        url = self._addresses.url(request)
        key = _key(request, url)
        kept = self._shelf.answer(key)
        if kept and self._shelf.stands(key, settled=request.settled):
            self._record_kept(request, kept)
            return replace(kept, period=request.period)
        return self._tried(url, lambda: self._once(request, url, key, kept, check))

    @_hiding
    def peek(self, request: Request, piece: Piece) -> Peek:
        """A piece of an answer, asked for once; nothing is kept.

        Raises:
            PermanentFailure: as for ``get``.
            TransientFailure: likewise.
        """
        with closing(self._ask(request, "GET" if request.data is None else "POST", piece.headers)) as response:
            if response.status_code not in (200, 206):
                self._pace.refusal()
                raise refused(response, request, beginning(response))
            self._pace.body(PurePosixPath(request.path).name, 0, None)
            return peek(response, piece)

    def announce(self, requests: Sequence[Request]) -> None:
        """See ``exchange.Client``."""
        sizes = []
        for request in requests:
            key = _key(request, self._addresses.url(request))
            if not (self._shelf.answer(key) and self._shelf.stands(key, settled=request.settled)):
                size = None
                with suppress(SpiError):  # what cannot be had is told when it is asked for, after all its tries
                    size = self._size_of(request)
                sizes.append(size)
        if sizes:
            known = sum(size or 0 for size in sizes)
            more = "" if all(sizes) else " or more"
            files = "1 large file" if len(sizes) == 1 else f"{len(sizes)} large files"
            self._tell(f"{files} of {known / 1e6:,.0f} MB{more} will be loaded, once")

    def read_json(self, request: Request, check: Check | None = None) -> Any:
        """See ``exchange.Client``."""

        def readable(body: Path) -> None:
            try:
                json.loads(body.read_bytes())
            except (ValueError, RecursionError) as error:
                raise TransientFailure(f"the JSON cannot be read ({error})") from error
            if check:
                check(body)

        small = replace(request, media=("json",), max_bytes=min(request.max_bytes, _SMALL_ANSWER))
        return json.loads(self.get(small, readable).path.read_bytes())

    def absolute(self, url: str, allowed: Sequence[Host]) -> Request:
        """See ``exchange.Client``."""
        return self._addresses.absolute(url, allowed)

    def _tried(self, url: str, once: Callable[[], _T]) -> _T:
        """What comes of a question, asked as often as it takes and no more."""
        fruitless = 0

        def enough(state: tenacity.RetryCallState) -> bool:
            nonlocal fruitless
            fruitless = 0 if self._gained else fruitless + 1
            self._gained = False
            return fruitless >= _TRIES or self._spent(state)

        tries = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(TransientFailure),
            wait=_pause,
            stop=enough,
            sleep=self._sleep,
            before_sleep=lambda state: self._say_pause(url, state),
            reraise=True,
        )
        try:
            return tries(once)
        except TransientFailure as error:
            count = tries.statistics["attempt_number"]
            how = f"tried {count} times" if count > 1 else "this run may not wait for it"
            raise TransientFailure(
                f"{_bare(url)}: {error}; {how}, try again later", error.status, error.after, kind=error.kind
            ) from error
        except PermanentFailure as error:
            raise PermanentFailure(f"{_bare(url)}: {error}", error.status, kind=error.kind) from error

    @_hiding
    def _size_of(self, request: Request) -> int | None:
        """Bytes of a body by its header alone, asked for once; None where they are not told."""
        # Unpacked, so that the size told is that of the file.
        with closing(self._ask(request, "HEAD", {"Accept-Encoding": "identity"})) as response:
            if response.status_code != 200:
                self._pace.refusal()
                raise refused(response, request, beginning(response))
            length = response.headers.get("Content-Length", "")
            return int(length) if length.isdigit() else None

    @_hiding
    def _once(self, request: Request, url: str, key: str, kept: Download | None, check: Check | None) -> Download:
        """One try."""
        method = "GET" if request.data is None else "POST"
        conditions = _conditions(kept) if kept and method == "GET" else {}
        with self._shelf.receiving(key) as body:
            had = parts.part(body.stat().st_size, self._shelf.noted(key)) if body.exists() else None
            with closing(self._ask(request, method, conditions | (had.asking if had else {}))) as answer:
                if answer.status_code == 304 and kept:
                    self._shelf.confirm(key)
                    self._record_kept(request, kept)
                    return replace(kept, period=request.period)
                bounded, headers = self._received(request, key, answer, body, had)
            self._record(request, 200, {**answer.headers, **headers}, body)
            try:
                self._judge(request, body, headers, bounded, check)
            except SpiError as error:
                self._shelf.note(key, {})
                if answer.status_code == 206:
                    raise TransientFailure(f"{error}; it came in parts, all of it is asked for again") from error
                raise
            return self._shelf.keep(key, body, url, request.period, published(headers), headers)

    def _received(
        self, request: Request, key: str, answer: requests.Response, body: Path, had: parts.Part | None
    ) -> tuple[bool, dict[str, str]]:
        """The whole body on disk: whether its length was told, and the headers that are kept with it."""
        headers = {name: answer.headers[name] for name in _KEPT_HEADERS if name in answer.headers}
        begin = 0
        if had and answer.status_code in (206, 416):
            try:
                if answer.status_code == 416:
                    raise TransientFailure("the body is shorter than what came of it before")
                begin = had.begins(answer)
            except TransientFailure:
                self._shelf.note(key, {})
                raise
            headers = {**had.headers, **headers}
        elif answer.status_code != 200:
            self._pace.refusal()
            said = beginning(answer)
            self._record(request, answer.status_code, answer.headers, said)
            raise refused(answer, request, said)
        else:
            self._shelf.note(key, parts.note(answer, headers))
        length = answer.headers.get("Content-Length", "")
        self._pace.body(PurePosixPath(request.path).name, begin, begin + int(length) if length.isdigit() else None)
        try:
            return receive(answer, body, request.max_bytes, begin), headers
        except TransientFailure:
            self._gained = body.stat().st_size - begin >= parts.WORTH and bool(self._shelf.noted(key))
            raise
        except SpiError:
            self._shelf.note(key, {})
            raise

    def _record(self, request: Request, status: int, headers: Mapping[str, str], body: Path | bytes) -> None:
        if self._recording:
            self._recording.keep(request, status, headers, body)

    def _record_kept(self, request: Request, kept: Download) -> None:
        """Record what was had before, unless it is a part alone: its address names the whole."""
        if not request.part:
            self._record(request, 200, kept.headers, kept.path)
        elif self._recording and not self._told_of_part:
            self._told_of_part = True
            name = PurePosixPath(request.path).name
            self._tell(f"{name} is not in the recording, a part of it was kept before; record with a new store")

    def _judge(
        self, request: Request, body: Path, headers: Mapping[str, str], bounded: bool, check: Check | None
    ) -> None:
        """Whether a body is what it should be."""
        try:
            bodies.judge(body, request.media, headers.get("content-type", ""), bounded=bounded)
        except bodies.EmptyBodyError as error:
            if not request.host.empty_is_final:
                raise
            raise PermanentFailure(f"{error}, which is how it says that it knows nothing of these codes") from error
        if request.md5:
            bodies.compare(body, request.md5)
        if check:
            _look(check, body)

    def _ask(self, request: Request, method: str, headers: Mapping[str, str]) -> requests.Response:
        """Send the request and follow its redirects; the answer's body is still to be read."""
        address = self._addresses.url(replace(request, params=request.params + request.secret))
        for _ in range(_REDIRECTS + 1):
            settings = self._settings(request.host, address)
            self._limits.wait(urlsplit(address).netloc, request.host.rate)
            self.asked += 1
            if self.asked > 1:
                self._say(f"{self.asked} requests so far")
            self._pace.answer(urlsplit(address).hostname or "")
            try:
                self._pace.step()
                asked = requests.Request(method, address, headers=dict(headers), data=request.data)
                # Not by the session, which would read the body of a redirect, however long, into memory.
                adapter = self._session.get_adapter(address)
                response = adapter.send(self._session.prepare_request(asked), **settings)
            except NETWORK as error:
                raise unreached(error) from error
            if not response.is_redirect:
                return response
            response.close()
            if method == "POST" and response.status_code not in (307, 308):
                said = f"a form is redirected with {response.status_code}, which would lose it"
                raise PermanentFailure(said, kind="elsewhere")
            address = self._addresses.redirected(request.host, response.headers["Location"], address)
        raise PermanentFailure(f"more than {_REDIRECTS} redirects in a row", kind="elsewhere")

    def _settings(self, host: Host, url: str) -> dict[str, Any]:
        """How to send: through the system's proxy, if it has one, but not to a base somebody overrode."""
        settings: dict[str, Any] = dict(self._session.merge_environment_settings(url, {}, True, None, None))
        if isinstance(settings["verify"], str) and not Path(settings["verify"]).exists():
            said = f"{own_authorities()[0]} names {settings['verify']}, which is not there; correct it"
            raise PermanentFailure(said, kind="untrusted")
        if self._addresses.overridden(host):
            settings["proxies"] = {}
        addresses = 1
        if not requests.utils.select_proxy(url, settings["proxies"]):
            addresses = self._addresses.guard(host, url)
        patience = self._pace.patience
        return settings | {"timeout": (patience.connect / addresses, patience.answer)}

    def _say(self, line: str) -> None:
        """Say what is waited for, where nothing was said of late."""
        if self._budget.voice.free():
            self._tell(line)

    def _say_pause(self, url: str, state: tenacity.RetryCallState) -> None:
        """Say why there is a pause before the next try; a long one whatever was said of late."""
        why = state.outcome.exception() if state.outcome else ""
        line = f"{_bare(url)}: {why}; asked again in {state.upcoming_sleep:.0f} s"
        (self._tell if state.upcoming_sleep >= self._pace.patience.said else self._say)(line)

    def _spent(self, state: tenacity.RetryCallState) -> bool:
        """Whether the next try would wait too long, or the run has no more of them."""
        return state.upcoming_sleep > _LONGEST_WAIT or not self._budget.spend(state.upcoming_sleep)


def _nobody(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """No credentials: without this, those in ``~/.netrc`` would be sent to whoever answers under a host named there."""
    return request


def _look(check: Check, body: Path) -> None:
    """Have the publisher's module look at a body; a fault that it does not class would be the same again."""
    try:
        check(body)
    except (PermanentFailure, TransientFailure):
        raise
    except SpiError as error:
        raise PermanentFailure(str(error)) from error


def _key(request: Request, url: str) -> str:
    """The name of a request: the same question to the same place."""
    return hashlib.sha256(json.dumps([url, request.data]).encode()).hexdigest()[:40]


_backoff = tenacity.wait_exponential_jitter(initial=1, max=60)


def _pause(state: tenacity.RetryCallState) -> float:
    """Seconds to the next try: twice as long each time, with jitter, and never shorter than the publisher asked."""
    error = state.outcome.exception() if state.outcome else None
    after = error.after if isinstance(error, TransientFailure) else None
    return max(_backoff(state), after or 0.0)


def _conditions(kept: Download) -> dict[str, str]:
    """Headers that let a publisher answer "not modified", where it gave the means."""
    named = {"If-None-Match": kept.headers.get("etag"), "If-Modified-Since": kept.headers.get("last-modified")}
    return {name: value for name, value in named.items() if value}


def _bare(url: str) -> str:
    """An address without its query, which may hold thousands of codes, and without what is kept of it."""
    return re.split("[?#]", url)[0]

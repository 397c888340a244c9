"""The HTTP client: sends a request to a publisher, retries within limits, and stores the response on disk.

The publishers' modules choose the requests and interpret the responses. ``addresses`` decides where addresses may lead,
``responses`` what statuses and broken connections mean, ``bodies`` whether a body is whole, ``limits`` the pace.
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
from spi_pipeline.publishers.http.authorities import own_authorities
from spi_pipeline.publishers.http.exchange import (
    MEGABYTE,
    Check,
    Download,
    Host,
    PermanentFailure,
    Request,
    ResponseCache,
    TransientFailure,
)  # fmt: skip
from spi_pipeline.publishers.http.limits import Budget, Limits
from spi_pipeline.publishers.http.pace import TIMEOUTS, Pace, Paced, Timeouts
from spi_pipeline.publishers.http.peeking import Peek, Piece, peek
from spi_pipeline.publishers.http.recording import Recording
from spi_pipeline.publishers.http.responses import NETWORK, beginning, published, receive, refused, unreached

_T = TypeVar("_T")

# Its debug messages hold whole addresses, which may hold a key.
logging.getLogger("urllib3.connectionpool").setLevel(logging.INFO)
_TRIES = 4
_LONGEST_WAIT = 600.0
_REDIRECTS = 5
_STORED_HEADERS = ("content-type", "last-modified", "etag", "content-disposition")
_SMALL_RESPONSE = 64 * MEGABYTE


def _hiding_secrets(once: Callable[..., _T]) -> Callable[..., _T]:
    """Wrap a try so that its failures do not repeat a secret that the response repeats."""

    def hiding(client: "HttpClient", request: Request, *given: Any) -> _T:
        try:
            return once(client, request, *given)
        except (PermanentFailure, TransientFailure) as error:
            for _, secret in request.secret:
                error.args = (str(error).replace(secret, "…"),)
            raise

    return hiding


class HttpClient:
    """Sends requests to publishers, for one source; see ``exchange.Client``.

    Attributes:
        requests_sent: the number of requests sent.

    Args:
        cache: stores the responses.
        addresses: the publishers' addresses.
        limits: how many requests a second publishers may be sent.
        budget: the retries and time of this run.
        contact: whom a publisher can contact, named in every request.
        sleep: pauses before a retry; by default the pause of the budget.
        progress: receives a progress line now and then.
        timeouts: how long each wait may last.
        recording: records each request with its response.
    """

    def __init__(
        self,
        cache: ResponseCache,
        addresses: Addresses,
        limits: Limits,
        budget: Budget,
        contact: str = "",
        sleep: Callable[[float], None] | None = None,
        progress: Callable[[str], None] = lambda _line: None,
        timeouts: Timeouts | None = None,
        recording: Recording | None = None,
    ) -> None:
        self.requests_sent = 0
        self._cache = cache
        self._addresses = addresses
        self._limits = limits
        self._budget = budget
        self._sleep = sleep or budget.pause
        self._progress = progress
        self._recording = recording
        self._pace = Pace(timeouts or TIMEOUTS, budget.seconds_left, self._say)
        self._gained = False
        self._reported_part = False
        self._session = requests.Session()
        self._session.mount("http://", Paced(self._pace))
        self._session.mount("https://", Paced(self._pace))
        self._session.auth = _no_credentials
        sender = "; ".join(filter(None, ("Social Progress Index for electoral wards", contact)))
        self._session.headers.clear()
        self._session.headers.update(
            {
                "User-Agent": f"spi-pipeline/{version('spi-pipeline')} ({sender})",
                "Accept": "*/*",
                "Accept-Encoding": "gzip",
            }
        )

    def get(self, request: Request, check: Check | None = None) -> Download:
        """See ``exchange.Client``."""
        url = self._addresses.url(request)
        key = _key(request, url)
        stored = self._cache.stored(key)
        if stored and self._cache.is_current(key, immutable=request.immutable):
            self._record_stored(request, stored)
            return replace(stored, period=request.period)
        return self._with_retries(request, url, lambda: self._once(request, url, key, stored, check))

    @_hiding_secrets
    def peek(self, request: Request, piece: Piece) -> Peek:
        """Request a piece of a response, without retries; nothing is stored.

        Raises:
            PermanentFailure: as for ``get``.
            TransientFailure: as for ``get``.
        """
        with closing(self._send(request, "GET" if request.data is None else "POST", piece.headers)) as response:
            if response.status_code not in (200, 206):
                self._pace.await_refusal()
                raise refused(response, request, beginning(response))
            self._pace.await_body(PurePosixPath(request.path).name, 0, None)
            return peek(response, piece)

    def announce(self, requests: Sequence[Request]) -> None:
        """See ``exchange.Client``."""
        sizes = []
        for request in requests:
            key = _key(request, self._addresses.url(request))
            if not (self._cache.stored(key) and self._cache.is_current(key, immutable=request.immutable)):
                size = None
                with suppress(SpiError):  # the download itself reports a failure, after all its tries
                    size = self._size_of(request)
                sizes.append(size)
        if sizes:
            known = sum(size or 0 for size in sizes)
            more = "" if all(sizes) else " or more"
            files = "1 large file" if len(sizes) == 1 else f"{len(sizes)} large files"
            self._progress(f"{files} of {known / 1e6:,.0f} MB{more} will be downloaded, once")

    def read_json(self, request: Request, check: Check | None = None) -> Any:
        """See ``exchange.Client``."""

        def readable(body: Path) -> None:
            try:
                json.loads(body.read_bytes())
            except (ValueError, RecursionError) as error:
                raise TransientFailure(f"the JSON cannot be read ({error})") from error
            if check:
                check(body)

        small = replace(request, media=("json",), max_bytes=min(request.max_bytes, _SMALL_RESPONSE))
        return json.loads(self.get(small, readable).path.read_bytes())

    def absolute(self, url: str, allowed: Sequence[Host]) -> Request:
        """See ``exchange.Client``."""
        return self._addresses.absolute(url, allowed)

    def _with_retries(self, request: Request, url: str, once: Callable[[], _T]) -> _T:
        """Return the result of a request, retried within the limits."""
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
            how = f"tried {count} times" if count > 1 else "this run cannot wait that long"
            where = self._addresses.set_by(request.host) if error.kind == "unreached" else ""
            raise TransientFailure(
                f"{_bare(url)}: {error}; {how}, try again later{where}", error.status, error.after, kind=error.kind
            ) from error
        except PermanentFailure as error:
            raise PermanentFailure(f"{_bare(url)}: {error}", error.status, kind=error.kind) from error

    @_hiding_secrets
    def _size_of(self, request: Request) -> int | None:
        """Return the bytes of a body from a HEAD request, without retries; None if the header does not give them."""
        # Unpacked, so that the header gives the size of the file.
        with closing(self._send(request, "HEAD", {"Accept-Encoding": "identity"})) as response:
            if response.status_code != 200:
                self._pace.await_refusal()
                raise refused(response, request, beginning(response))
            length = response.headers.get("Content-Length", "")
            return int(length) if length.isdigit() else None

    @_hiding_secrets
    def _once(self, request: Request, url: str, key: str, stored: Download | None, check: Check | None) -> Download:
        """Send the request once and store the response."""
        method = "GET" if request.data is None else "POST"
        conditions = _conditions(stored) if stored and method == "GET" else {}
        with self._cache.receiving(key) as body:
            part = parts.part_of(body.stat().st_size, self._cache.resume_note(key)) if body.exists() else None
            with closing(self._send(request, method, conditions | (part.range_headers if part else {}))) as response:
                if response.status_code == 304 and stored:
                    self._cache.confirm(key)
                    self._record_stored(request, stored)
                    return replace(stored, period=request.period)
                bounded, headers = self._received(request, key, response, body, part)
            self._record(request, 200, {**response.headers, **headers}, body)
            try:
                self._judge(request, body, headers, bounded, check)
            except SpiError as error:
                self._cache.restart_body(key, {})
                if response.status_code == 206:
                    raise TransientFailure(f"{error}; it came in parts and will be requested whole") from error
                raise
            return self._cache.store(key, body, url, request.period, published(headers), headers)

    def _received(
        self, request: Request, key: str, response: requests.Response, body: Path, part: parts.Part | None
    ) -> tuple[bool, dict[str, str]]:
        """Write the whole body to disk; return whether its length was declared, and the headers stored with it."""
        headers = {name: response.headers[name] for name in _STORED_HEADERS if name in response.headers}
        begin = 0
        if part and response.status_code in (206, 416):
            try:
                if response.status_code == 416:
                    raise TransientFailure("the body is shorter than the part received before")
                begin = part.begin_of(response)
            except TransientFailure:
                self._cache.restart_body(key, {})
                raise
            headers = {**part.headers, **headers}
        elif response.status_code != 200:
            self._pace.await_refusal()
            head = beginning(response)
            self._record(request, response.status_code, response.headers, head)
            raise refused(response, request, head)
        else:
            self._cache.restart_body(key, parts.note_of(response, headers))
        length = response.headers.get("Content-Length", "")
        self._pace.await_body(
            PurePosixPath(request.path).name, begin, begin + int(length) if length.isdigit() else None
        )
        try:
            return receive(response, body, request.max_bytes, begin), headers
        except TransientFailure:
            self._gained = body.stat().st_size - begin >= parts.WORTH_RESUMING and bool(self._cache.resume_note(key))
            raise
        except SpiError:
            self._cache.restart_body(key, {})
            raise

    def _record(self, request: Request, status: int, headers: Mapping[str, str], body: Path | bytes) -> None:
        if self._recording:
            self._recording.record(request, status, headers, body)

    def _record_stored(self, request: Request, stored: Download) -> None:
        """Record a stored response, unless it is a part: its address names the whole."""
        if not request.part:
            self._record(request, 200, stored.headers, stored.path)
        elif self._recording and not self._reported_part:
            self._reported_part = True
            name = PurePosixPath(request.path).name
            fault = "is not in the recording, since the store holds only a part of it"
            self._progress(f"{name} {fault}; record with a new store")

    def _judge(
        self, request: Request, body: Path, headers: Mapping[str, str], bounded: bool, check: Check | None
    ) -> None:
        """Check the form, the MD5 and the content of a body."""
        try:
            bodies.judge(body, request.media, headers.get("content-type", ""), bounded=bounded)
        except bodies.EmptyBodyError as error:
            if not request.host.empty_is_final:
                raise
            raise PermanentFailure(f"{error}, which means that the publisher does not know these codes") from error
        if request.md5:
            bodies.compare(body, request.md5)
        if check:
            _run(check, body)

    def _send(self, request: Request, method: str, headers: Mapping[str, str]) -> requests.Response:
        """Send the request and follow its redirects; the body of the response is not read yet."""
        address = self._addresses.url(replace(request, params=request.params + request.secret))
        for _ in range(_REDIRECTS + 1):
            settings = self._settings(request.host, address)
            self._limits.wait(urlsplit(address).netloc, request.host.rate)
            self.requests_sent += 1
            if self.requests_sent > 1:
                self._say(f"{self.requests_sent} requests so far")
            self._pace.await_header(urlsplit(address).hostname or "")
            try:
                self._pace.next_timeout()
                unsent = requests.Request(method, address, headers=dict(headers), data=request.data)
                # The session's own send would read the body of a redirect, however long, into memory.
                adapter = self._session.get_adapter(address)
                response = adapter.send(self._session.prepare_request(unsent), **settings)
            except NETWORK as error:
                raise unreached(error) from error
            if not response.is_redirect:
                return response
            response.close()
            if method == "POST" and response.status_code not in (307, 308):
                message = f"a form is redirected with {response.status_code}, which would lose it"
                raise PermanentFailure(message, kind="elsewhere")
            address = self._addresses.redirected(request.host, response.headers["Location"], address)
        raise PermanentFailure(f"more than {_REDIRECTS} redirects in a row", kind="elsewhere")

    def _settings(self, host: Host, url: str) -> dict[str, Any]:
        """Return the options for sending: through the system's proxy, if it has one, except to an overridden base."""
        settings: dict[str, Any] = dict(self._session.merge_environment_settings(url, {}, True, None, None))
        if isinstance(settings["verify"], str) and not Path(settings["verify"]).exists():
            message = f"{own_authorities()[0]} names {settings['verify']}, which does not exist; correct the setting"
            raise PermanentFailure(message, kind="untrusted")
        if self._addresses.overridden(host):
            settings["proxies"] = {}
        addresses = 1
        if not requests.utils.select_proxy(url, settings["proxies"]):
            addresses = self._addresses.guard(host, url)
        timeouts = self._pace.timeouts
        return settings | {"timeout": (timeouts.connect / addresses, timeouts.header)}

    def _say(self, line: str) -> None:
        """Report progress, unless another line was written recently."""
        if self._budget.wait_reporter.may_report():
            self._progress(line)

    def _say_pause(self, url: str, state: tenacity.RetryCallState) -> None:
        """Report why there is a pause before the next try; a long pause is always reported."""
        why = state.outcome.exception() if state.outcome else ""
        line = f"{_bare(url)}: {why}; next try in {state.upcoming_sleep:.0f} s"
        (self._progress if state.upcoming_sleep >= self._pace.timeouts.progress_interval else self._say)(line)

    def _spent(self, state: tenacity.RetryCallState) -> bool:
        """Whether the next try would wait too long, or the budget of the run is used up."""
        return state.upcoming_sleep > _LONGEST_WAIT or not self._budget.spend(state.upcoming_sleep)


def _no_credentials(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Add no credentials; otherwise requests would send those in ``~/.netrc`` to any host named there."""
    return request


def _run(check: Check, body: Path) -> None:
    """Run the publisher's check on a body; any fault that it does not class as transient is permanent."""
    try:
        check(body)
    except (PermanentFailure, TransientFailure):
        raise
    except SpiError as error:
        raise PermanentFailure(str(error)) from error


def _key(request: Request, url: str) -> str:
    """Return the name of a request, made of its address and form."""
    return hashlib.sha256(json.dumps([url, request.data]).encode()).hexdigest()[:40]


_backoff = tenacity.wait_exponential_jitter(initial=1, max=60)


def _pause(state: tenacity.RetryCallState) -> float:
    """Return the seconds to the next try: doubled each time, with jitter, never shorter than ``Retry-After``."""
    error = state.outcome.exception() if state.outcome else None
    after = error.after if isinstance(error, TransientFailure) else None
    return max(_backoff(state), after or 0.0)


def _conditions(stored: Download) -> dict[str, str]:
    """Return headers that let a publisher respond "not modified", if it gave validators."""
    named = {"If-None-Match": stored.headers.get("etag"), "If-Modified-Since": stored.headers.get("last-modified")}
    return {name: value for name, value in named.items() if value}


def _bare(url: str) -> str:
    """Return an address without its query, which may hold thousands of codes, and without the part retained."""
    return re.split("[?#]", url)[0]

"""Asking a publisher over HTTP: one request, as often as it takes and no more, its answer on disk.

What is asked, and what answers mean, is for the publishers' modules; where addresses may lead for ``addresses``; what
statuses and broken connections mean for ``answers``; whether a body is whole for ``bodies``; how fast for ``limits``.
"""

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
import tenacity

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.publishers.http import bodies
from spi_pipeline.publishers.http.addresses import Addresses
from spi_pipeline.publishers.http.answers import NETWORK, published, receive, refused, unreached
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

_CONNECT, _READ = 15.0, 90.0
_TRIES = 4
_LONGEST_WAIT = 600.0
_REDIRECTS = 5
_KEPT_HEADERS = ("content-type", "last-modified", "etag", "content-disposition")
_SMALL_ANSWER = 64 * MEGABYTE


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
        sleep: waits; replaced in tests.
    """

    def __init__(
        self,
        shelf: Shelf,
        addresses: Addresses,
        limits: Limits,
        budget: Budget,
        contact: str = "",
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.asked = 0
        self._shelf = shelf
        self._addresses = addresses
        self._limits = limits
        self._budget = budget
        self._sleep = sleep
        self._session = requests.Session()
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
            return replace(kept, period=request.period)
        tries = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(TransientFailure),
            wait=_pause,
            stop=lambda state: state.attempt_number >= _TRIES or self._spent(state),
            sleep=self._sleep,
            reraise=True,
        )
        try:
            return tries(self._once, request, url, key, kept, check)
        except TransientFailure as error:
            count = tries.statistics["attempt_number"]
            how = f"tried {count} times" if count > 1 else "this run may not wait for it"
            raise TransientFailure(
                f"{_bare(url)}: {error}; {how}, try again later", error.status, error.after
            ) from error
        except PermanentFailure as error:
            raise PermanentFailure(f"{_bare(url)}: {error}", error.status) from error

    def read_json(self, request: Request, check: Check | None = None) -> Any:
        """See ``exchange.Client``."""

        def readable(body: Path) -> None:
            try:
                json.loads(body.read_bytes())
            except ValueError as error:
                raise TransientFailure(f"the JSON cannot be read ({error})") from error
            if check:
                check(body)

        small = replace(request, media=("json",), max_bytes=min(request.max_bytes, _SMALL_ANSWER))
        return json.loads(self.get(small, readable).path.read_bytes())

    def absolute(self, url: str, allowed: Sequence[Host]) -> Request:
        """See ``exchange.Client``."""
        return self._addresses.absolute(url, allowed)

    def _once(self, request: Request, url: str, key: str, kept: Download | None, check: Check | None) -> Download:
        """One try."""
        with closing(self._ask(request, url, kept)) as response:
            if response.status_code == 304 and kept:
                self._shelf.confirm(key)
                return replace(kept, period=request.period)
            if response.status_code != 200:
                raise refused(response, request)
            with self._shelf.receiving() as body:
                bounded = receive(response, body, request.max_bytes)
                try:
                    bodies.judge(body, request.media, response.headers.get("Content-Type", ""), bounded=bounded)
                except bodies.EmptyBodyError as error:
                    if not request.host.empty_is_final:
                        raise
                    raise PermanentFailure(
                        f"{error}, which is how it says that it knows nothing of these codes"
                    ) from error
                if check:
                    _look(check, body)
                headers = {name: response.headers[name] for name in _KEPT_HEADERS if name in response.headers}
                return self._shelf.keep(key, body, url, request.period, published(headers), headers)

    def _ask(self, request: Request, url: str, kept: Download | None) -> requests.Response:
        """Send the request and follow its redirects; the answer's body is still to be read."""
        conditions = _conditions(kept) if kept and request.data is None else {}
        method, address = "GET" if request.data is None else "POST", url
        for _ in range(_REDIRECTS + 1):
            settings = self._settings(request.host, address)
            self._limits.wait(urlsplit(address).netloc, request.host.rate)
            self.asked += 1
            try:
                asked = requests.Request(method, address, headers=conditions, data=request.data)
                response = self._session.send(
                    self._session.prepare_request(asked), allow_redirects=False, timeout=(_CONNECT, _READ), **settings
                )
            except NETWORK as error:
                raise unreached(error) from error
            if not response.is_redirect:
                return response
            response.close()
            if method == "POST" and response.status_code not in (307, 308):
                raise PermanentFailure(f"a form is redirected with {response.status_code}, which would lose it")
            address = self._addresses.redirected(request.host, response.headers["Location"], address)
        raise PermanentFailure(f"more than {_REDIRECTS} redirects in a row")

    def _settings(self, host: Host, url: str) -> dict[str, Any]:
        """How to send: through the system's proxy, if it has one, but not to a base somebody overrode."""
        if self._addresses.overridden(host):
            settings: dict[str, Any] = {"proxies": {}, "stream": True, "verify": True, "cert": None}
        else:
            settings = dict(self._session.merge_environment_settings(url, {}, True, None, None))
        if not requests.utils.select_proxy(url, settings["proxies"]):
            self._addresses.guard(host, url)
        return settings

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
    """An address without its query, which may hold thousands of codes."""
    return url.split("?")[0]

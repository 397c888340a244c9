"""Which address a request goes to, and which addresses an answer may lead to.

Overridden bases, absolute addresses found in answers and redirects all pass here; nothing here connects.
"""

import ipaddress
import socket
from collections.abc import Collection, Mapping, Sequence
from urllib.parse import parse_qsl, quote, urlencode, urljoin, urlsplit

from spi_pipeline.contracts.errors import SettingError
from spi_pipeline.publishers.http.exchange import Host, PermanentFailure, Request, TransientFailure


class Addresses:
    """The publishers' addresses, as they are or as they were overridden.

    Args:
        overrides: base address by the name of a host, as ``SPI_ENDPOINT_<NAME>`` gives them.
        known: the names that there are.

    Raises:
        SettingError: for an unknown name, or a base that is not an http address.
    """

    def __init__(self, overrides: Mapping[str, str], known: Collection[str]) -> None:
        for name, base in overrides.items():
            if name not in known:
                raise SettingError(f"SPI_ENDPOINT_{name} names no endpoint; there are {', '.join(known)}")
            parts = urlsplit(base)
            if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query:
                # Which is not repeated: what is not taken here is a login or a key above all.
                said = "is not a base address, which has no login and no query"
                raise SettingError(f"SPI_ENDPOINT_{name} {said}; give one like http://127.0.0.1:8000")
        self._overrides = {name: base.rstrip("/") for name, base in overrides.items()}

    def base(self, host: Host) -> str:
        """The base address in use."""
        return self._overrides.get(host.name, host.base)

    def overridden(self, host: Host) -> bool:
        """Whether that is not the publisher's own."""
        return host.name in self._overrides

    def url(self, request: Request) -> str:
        """The whole address of a request, its query included; behind a ``#``, which is not sent, what is kept of it."""
        query = f"?{urlencode(request.params, quote_via=quote, safe=',:^')}" if request.params else ""
        part = f"#{quote(request.part, safe='+')}" if request.part else ""
        return f"{self._at(request.host, quote(request.path, safe='/%'))}{query}{part}"

    def _at(self, host: Host, path: str) -> str:
        """A path on the base in use, which may hold the folder that every path begins with."""
        base = self.base(host)
        return base + (path.removeprefix(host.folder) if host.folder and base.endswith(host.folder) else path)

    def absolute(self, url: str, allowed: Sequence[Host]) -> Request:
        """See ``Client.absolute``: the publisher's real address and the overridden one are both understood."""
        for host in allowed:
            for base in (self.base(host), host.base):
                if url.startswith(f"{base}/"):
                    parts = urlsplit(url[len(base) :])
                    return Request(host, parts.path, tuple(parse_qsl(parts.query, keep_blank_values=True)))
        places = ", ".join(dict.fromkeys(host.base for host in allowed))
        raise PermanentFailure(
            f"an answer leads to {url}, which is not below {places}; see whether the publisher moved"
        )

    def redirected(self, host: Host, location: str, current: str) -> str:
        """The address a redirect leads to.

        A redirect to the publisher's own host or to one it is known to use stays on the override where there is one.

        Raises:
            PermanentFailure: when it leads anywhere else, or from https to http.
        """
        url = urljoin(current, location)
        if _origin(url) == _origin(self.base(host)):
            return url
        known = tuple(filter(None, (urlsplit(host.base).hostname, *host.redirects)))
        if _origin(url) not in [("https", one, 443) for one in known]:
            raise PermanentFailure(
                f"it redirects to {_shown(url)}, which is none of the hosts {', '.join(known)}; see whether the "
                "publisher moved",
                kind="elsewhere",
            )
        if not self.overridden(host):
            return url
        parts = urlsplit(url)
        below = parts.path.removeprefix(urlsplit(host.base).path) if parts.hostname == known[0] else parts.path
        return self._at(host, below) + (f"?{parts.query}" if parts.query else "")

    def guard(self, host: Host, url: str) -> int:
        """Refuse an address in a private network, unless the base was overridden to that very place.

        Returns:
            How many addresses the host has, each of which may be tried.

        Raises:
            PermanentFailure: when the host is, or resolves to, such an address.
            TransientFailure: when the host's name cannot be resolved.
        """
        if self.overridden(host) and _origin(url) == _origin(self.base(host)):
            return 1
        name = urlsplit(url).hostname or ""
        try:
            found = {str(info[4][0]) for info in socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)}
        except OSError as error:
            said = f"the address of {name} cannot be found ({error}); see to the network"
            raise TransientFailure(said, kind="unreached") from error
        private = sorted(address for address in found if not ipaddress.ip_address(address.split("%")[0]).is_global)
        if private:
            said = f"{name} leads to {private[0]}, an address in a private network; nothing was asked"
            raise PermanentFailure(said, kind="elsewhere")
        return len(found)


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def _shown(url: str) -> str:
    """An address for people, without what a query or user part may hide."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}{parts.path}"

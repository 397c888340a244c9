"""Which address a request goes to, and which addresses a response may lead to.

Overridden bases, absolute addresses in responses and redirects all pass through here; nothing here connects.
"""

import ipaddress
import socket
from collections.abc import Collection, Mapping, Sequence
from urllib.parse import parse_qsl, quote, urlencode, urljoin, urlsplit

from spi_pipeline.contracts.errors import SettingError
from spi_pipeline.publishers.http.exchange import Host, PermanentFailure, Request, TransientFailure


class Addresses:
    """The publishers' addresses, with any overrides.

    Args:
        overrides: base address by name of a host, as ``SPI_ENDPOINT_<NAME>`` gives it.
        known: the names of all hosts.

    Raises:
        SettingError: for an unknown name, or a base that is not an HTTP address.
    """

    def __init__(self, overrides: Mapping[str, str], known: Collection[str]) -> None:
        for name, base in overrides.items():
            if name not in known:
                raise SettingError(f"SPI_ENDPOINT_{name} names no endpoint; there are {', '.join(known)}")
            parts = urlsplit(base)
            if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query:
                # The message does not repeat the value, which is likely to hold a login or a key.
                fault = "is not a base address, which has no login and no query"
                raise SettingError(f"SPI_ENDPOINT_{name} {fault}; give one like http://127.0.0.1:8000")
        self._overrides = {name: base.rstrip("/") for name, base in overrides.items()}

    def base(self, host: Host) -> str:
        """Return the base address in use."""
        return self._overrides.get(host.name, host.base)

    def overridden(self, host: Host) -> bool:
        """Whether a setting replaces the publisher's own base address."""
        return host.name in self._overrides

    def set_by(self, host: Host) -> str:
        """Return the clause that names the setting of a replaced base address; empty for the publisher's own."""
        return f"; the setting SPI_ENDPOINT_{host.name} sets this address" if self.overridden(host) else ""

    def url(self, request: Request) -> str:
        """Return the whole address of a request with its query; after a ``#``, which is not sent, the part retained."""
        query = f"?{urlencode(request.params, quote_via=quote, safe=',:^')}" if request.params else ""
        part = f"#{quote(request.part, safe='+')}" if request.part else ""
        return f"{self._at(request.host, quote(request.path, safe='/%'))}{query}{part}"

    def _at(self, host: Host, path: str) -> str:
        """Return a path below the base in use, which may already end with the folder that every path begins with."""
        base = self.base(host)
        return base + (path.removeprefix(host.folder) if host.folder and base.endswith(host.folder) else path)

    def absolute(self, url: str, allowed: Sequence[Host]) -> Request:
        """See ``Client.absolute``; both the publisher's real address and the overriding one are accepted."""
        for host in allowed:
            for base in (self.base(host), host.base):
                if url.startswith(f"{base}/"):
                    parts = urlsplit(url[len(base) :])
                    return Request(host, parts.path, tuple(parse_qsl(parts.query, keep_blank_values=True)))
        places = ", ".join(dict.fromkeys(host.base for host in allowed))
        raise PermanentFailure(
            f"a response links to {url}, which is not below {places}; see whether the publisher moved"
        )

    def redirected(self, host: Host, location: str, current: str) -> str:
        """Return the address that a redirect leads to.

        If the base is overridden, a redirect to the publisher's own host or another known host is looked up below the
        override.

        Raises:
            PermanentFailure: when the redirect leads anywhere else, or from https to http.
        """
        url = urljoin(current, location)
        if _origin(url) == _origin(self.base(host)):
            return url
        known = tuple(filter(None, (urlsplit(host.base).hostname, *host.redirects)))
        if _origin(url) not in [("https", one, 443) for one in known]:
            raise PermanentFailure(
                f"it redirects to {_shown(url)}, and only {', '.join(known)} may be followed; if the publisher has "
                "moved, "
                "add the new host to HOSTS in its module",
                kind="elsewhere",
            )
        if not self.overridden(host):
            return url
        parts = urlsplit(url)
        below = parts.path.removeprefix(urlsplit(host.base).path) if parts.hostname == known[0] else parts.path
        return self._at(host, below) + (f"?{parts.query}" if parts.query else "")

    def guard(self, host: Host, url: str) -> int:
        """Refuse an address in a private network, unless the base was overridden to that address.

        Returns:
            The number of addresses of the host, each of which may be tried.

        Raises:
            PermanentFailure: when the host is, or resolves to, such an address.
            TransientFailure: when the host's name cannot be resolved.
        """
        if self.overridden(host) and _origin(url) == _origin(self.base(host)):
            return 1
        name = urlsplit(url).hostname or ""
        try:
            addresses = {str(info[4][0]) for info in socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)}
        except OSError as error:
            message = f"the address of {name} cannot be found ({error}); check the network"
            raise TransientFailure(message, kind="unreached") from error
        private = sorted(address for address in addresses if not ipaddress.ip_address(address.split("%")[0]).is_global)
        if private:
            message = f"{name} leads to {private[0]}, an address in a private network; no request was sent"
            raise PermanentFailure(message, kind="elsewhere")
        return len(addresses)


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def _shown(url: str) -> str:
    """Return an address for people, without the query or user part, which may hold a secret."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}{parts.path}"

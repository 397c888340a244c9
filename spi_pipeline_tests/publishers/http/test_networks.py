"""Networks of councils: a proxy that all requests must go through, and a private certificate authority."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trustme

from spi_pipeline.publishers.http.client import HttpClient
from spi_pipeline.publishers.http.exchange import PermanentFailure, Request, TransientFailure
from spi_pipeline.publishers.http.pace import Timeouts
from spi_pipeline.publishers.offers import HOSTS
from spi_pipeline_tests.publishers.http import clients
from spi_pipeline_tests.publishers.http.raw_server import Server, dripping, server, tunnel

ONE = Request(HOSTS["POLICE"], "/data.csv")
CSV = b"HTTP/1.1 200 OK\r\nContent-Type: text/csv\r\nContent-Length: 8\r\n\r\na,b\n1,2\n"
NAMES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove the network settings of the machine that runs the tests."""
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
def authority(tmp_path: Path) -> tuple[Path, ssl.SSLContext]:
    """The file of an unknown authority, and a context it signed for data.police.uk and this machine."""
    certificates, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificates.issue_cert("data.police.uk", "127.0.0.1").configure_cert(context)
    certificates.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    return tmp_path / "authority.pem", context


@pytest.fixture
def upstream(authority: tuple[Path, ssl.SSLContext]) -> Iterator[Server]:
    """The server that responds in place of data.police.uk."""
    with server(dripping(CSV, b"", times=0), authority[1]) as found:
        yield found


MakeClient = Callable[..., HttpClient]


@pytest.fixture
def client(tmp_path: Path) -> MakeClient:
    return lambda **bases: clients.client(tmp_path, bases, timeouts=Timeouts(connect=5, header=1))


def test_the_configured_proxy_and_certificate_authority_are_used(
    client: MakeClient, upstream: Server, authority: tuple[Path, ssl.SSLContext], monkeypatch: pytest.MonkeyPatch
) -> None:
    with server(tunnel(upstream.port)) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://somebody:secret@127.0.0.1:{proxy.port}")
        with pytest.raises(PermanentFailure, match=r"not trusted here; .* in REQUESTS_CA_BUNDLE"):
            client().get(ONE)
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority[0]))
        assert client().get(ONE).path.read_bytes() == b"a,b\n1,2\n"
    assert proxy.requests[-1].startswith("CONNECT data.police.uk:443 HTTP/1.")
    assert "Proxy-Authorization: Basic" in proxy.requests[-1]
    assert upstream.requests[-1].startswith("GET /data.csv HTTP/1.1\r\nHost: data.police.uk\r\n")
    assert "Proxy-" not in upstream.requests[-1]


def test_local_addresses_and_no_proxy_hosts_bypass_the_proxy(
    client: MakeClient, upstream: Server, authority: tuple[Path, ssl.SSLContext], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority[0]))
    with server(tunnel(upstream.port)) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.base)
        # Requests to a base address set by hand use no proxy, and trust the authority in the settings.
        assert client(POLICE=f"https://127.0.0.1:{upstream.port}").get(ONE).size == 8
        monkeypatch.setenv("NO_PROXY", "police.uk")
        monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: [(2, 1, 6, "", ("10.1.2.3", 443))])
        with pytest.raises(PermanentFailure, match=r"leads to 10\.1\.2\.3, an address in a private network"):
            client().get(ONE)
    assert proxy.requests == []


@pytest.mark.parametrize(
    ("response", "drop", "expected"),
    [
        (b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n", b"", "HTTPS_PROXY"),
        (b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", b"", "HTTPS_PROXY"),
        (b"HTTP/1.1 200 OK\r\n", b"X-Slow: a\r\n", "no complete response in 1 seconds"),
    ],
    ids=["no_credentials", "forbidden", "drips"],
)
def test_a_blocking_proxy_is_named(
    client: MakeClient, monkeypatch: pytest.MonkeyPatch, response: bytes, drop: bytes, expected: str
) -> None:
    times = 1_000_000 if drop else 0
    with server(dripping(response, drop, times)) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://somebody:secret@127.0.0.1:{proxy.port}")
        with pytest.raises(TransientFailure, match=expected) as failure:
            client().get(ONE)
    assert "secret" not in str(failure.value)


def test_a_dripping_https_server_does_not_hold_a_request(
    client: MakeClient, authority: tuple[Path, ssl.SSLContext], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority[0]))
    with server(dripping(b"HTTP/1.1 200 OK\r\n", b"X-Slow: a\r\n"), authority[1]) as dripper:
        with pytest.raises(TransientFailure, match="no complete response in 1 seconds"):
            client(POLICE=f"https://127.0.0.1:{dripper.port}").get(ONE)
        assert dripper.hung_up.wait(10)


@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_a_missing_certificate_authority_is_named(
    client: MakeClient, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "/nowhere/authority.pem")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    with pytest.raises(PermanentFailure, match=rf"{name} names /nowhere/authority\.pem"):
        client().get(ONE)


def test_a_socks_proxy_is_refused(client: MakeClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "socks5://somebody:secret@127.0.0.1:1")
    with pytest.raises(
        PermanentFailure, match=r"a SOCKS proxy, which is not supported; set HTTPS_PROXY to an HTTP proxy$"
    ) as failure:
        client().get(ONE)
    assert "secret" not in str(failure.value)

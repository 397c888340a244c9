"""Failures that a publisher can cause a client, each against a server that causes exactly that one."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import sqlite3
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.publishers.http.addresses import Addresses
from spi_pipeline.publishers.http.client import HttpClient
from spi_pipeline.publishers.http.exchange import PermanentFailure, Request, TransientFailure
from spi_pipeline.publishers.http.limits import Budget, Limits
from spi_pipeline.publishers.offers import HOSTS
from spi_pipeline.storage.raw import Raw
from spi_pipeline_tests.publishers.http.publisher import Publisher, Response, publisher

CSV = b"area,value\nE05014735,1\n"
JSON = {"Content-Type": "application/json"}
ZIP = {"Content-Type": "application/zip"}
PAGE = b"<!DOCTYPE html><html><body>Please try again later</body></html>"
POLICE, FILES = HOSTS["POLICE"], HOSTS["NHS_FILES"]
ONE = Request(POLICE, "/data.csv", period="2026-01")


class ClientRun:
    """A client of one publisher that does not really wait, and the raw store that it fills."""

    def __init__(self, folder: Path, publisher: Publisher, budget: Budget | None = None) -> None:
        self.publisher = publisher
        self.folder = folder
        self.waits: list[float] = []
        self.messages: list[str] = []
        self.budget = budget or Budget()
        self.raw = Raw(folder / "raw")
        self.raw.begin()
        self.client = self.new_client()

    def new_client(self) -> HttpClient:
        addresses = Addresses(dict.fromkeys(("POLICE", "NOMIS", "NHS_FILES"), self.publisher.base), HOSTS)
        limits = Limits(self.folder / "limits")
        return HttpClient(
            self.raw, addresses, limits, self.budget, sleep=self.waits.append, progress=self.messages.append
        )

    def next_refresh(self) -> None:
        """Begin another refresh after the last one ended well."""
        self.raw.finish()
        self.raw = Raw(self.folder / "raw")
        self.raw.begin()
        self.client = self.new_client()


StartRun = Callable[..., ClientRun]


@pytest.fixture
def start_run(tmp_path: Path) -> Iterator[StartRun]:
    with _runs(tmp_path) as start:
        yield start


@contextmanager
def _runs(folder: Path) -> Iterator[StartRun]:
    with ExitStack() as stack:

        def start(*responses: Response, budget: Budget | None = None) -> ClientRun:
            return ClientRun(folder, stack.enter_context(publisher(*responses)), budget)

        yield start


def packed(members: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def test_a_body_is_stored_with_its_metadata(start_run: StartRun) -> None:
    headers = {"Content-Type": "text/csv", "Last-Modified": "Mon, 02 Feb 2026 09:30:00 GMT", "ETag": '"1"'}
    run = start_run(Response(CSV, headers=headers))
    download = run.client.get(Request(POLICE, "/a b.csv", (("date", "2026-01"), ("poly", "1,2:3,4")), period="2026-01"))
    assert download.path.read_bytes() == CSV
    assert (download.size, download.period, download.name) == (len(CSV), "2026-01", "a b.csv")
    assert download.published_at == "2026-02-02T09:30:00+00:00"
    assert json.loads(download.path.with_name(f"{download.sha256}.json").read_text())["url"] == download.url
    method, path, sent, _ = run.publisher.requests[0]
    assert (method, path) == ("GET", "/a%20b.csv?date=2026-01&poly=1,2:3,4")
    assert sent["User-Agent"].startswith("spi-pipeline/")


def test_no_credentials_are_sent(start_run: StartRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login somebody password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    run = start_run(Response(CSV))
    run.client.get(ONE)
    _, _, sent, _ = run.publisher.requests[0]
    assert set(sent) == {"Host", "User-Agent", "Accept", "Accept-Encoding"}


def test_a_form_is_posted(start_run: StartRun) -> None:
    run = start_run(Response(b"[]", headers=JSON))
    request = Request(POLICE, "/api/crimes", data=(("poly", "1,2:3,4"), ("date", "2026-01")), media=("json",))
    assert run.client.read_json(request) == []
    method, _, _, body = run.publisher.requests[0]
    assert (method, body) == ("POST", b"poly=1%2C2%3A3%2C4&date=2026-01")


@pytest.mark.parametrize(
    ("response", "media", "expected"),
    [
        (Response(b""), "csv", "empty"),
        (Response(PAGE, headers={"Content-Type": "text/html"}), "csv", "a web page"),
        (Response(PAGE), "csv", "a web page"),
        (Response(CSV, headers={"Content-Type": "text/csv", "Content-Length": "400"}), "csv", "cut short"),
        (Response(CSV[:-3], end=True), "csv", "ends within a line"),
        (Response(b'[{"a": 1}, {"a"', headers=JSON, end=True), "json", "cut short"),
        (Response(gzip.compress(CSV)[:-6], headers={"Content-Encoding": "gzip"}), "csv", "cut short"),
        (Response(gzip.compress(CSV * 9)[:-6], headers={}), "gzip", "cut short or damaged"),
        (Response(packed({"a.csv": CSV})[:-30], headers=ZIP), "zip", "cut short or damaged"),
        (Response(status=0), "csv", "the connection failed"),
        (Response(status=503), "csv", "responded with 503"),
        (Response(b"busy", 429, {"Content-Type": "text/plain"}), "csv", "responded with 429 Too Many Requests (busy)"),
    ],
    ids=[
        "empty", "page", "page_called_csv", "fewer_bytes_than_told", "cut_within_a_line", "cut_json", "cut_encoding",
        "cut_gzip", "cut_zip", "closed", "503", "429",
    ],
)  # fmt: skip
def test_responses_that_may_succeed_next_time_are_requested_again(
    start_run: StartRun, response: Response, media: str, expected: str
) -> None:
    good = {
        "csv": Response(CSV),
        "json": Response(b"[1]", headers=JSON),
        "zip": Response(packed({"a.csv": CSV}), headers=ZIP),
    }
    good["gzip"] = Response(gzip.compress(CSV), headers={})
    run = start_run(response, response, good[media])
    request = Request(POLICE, "/data", media=(media,))  # type: ignore[arg-type]
    assert run.client.get(request).path.read_bytes() == good[media].body
    assert len(run.publisher.requests) == 3
    run.publisher.responses = [response]
    with pytest.raises(TransientFailure, match="tried 4 times") as failure:
        run.client.get(Request(POLICE, "/other", media=(media,)))  # type: ignore[arg-type]
    assert expected in str(failure.value)
    # Nobody would look for the fault of another address at the publisher.
    assert ("the setting SPI_ENDPOINT_POLICE sets this address" in str(failure.value)) is (response.status == 0)
    assert len(run.publisher.requests) == 7


@pytest.mark.parametrize(
    ("response", "media", "expected"),
    [
        (Response(b"no such id", 400, {"Content-Type": "text/plain"}), "csv", "400 Bad Request (no such id)"),
        (Response(status=403), "csv", "inbox"),
        (Response(status=404), "csv", "404"),
        (Response(b'{"error": {"code": 400}}', headers=JSON), "csv", "is not a csv"),
        (Response(CSV, headers={"Content-Type": "application/pdf"}), "csv", "declared as 'application/pdf'"),
        (Response(b"\x89PNG\r\n\x1a\n\0\0", headers={"Content-Type": "image/png"}), "csv", "is not a csv"),
        (Response(CSV), "zip", "is not a zip"),
        (Response(packed({"../../etc/passwd": CSV}), headers=ZIP), "zip", "leads out"),
        (Response(packed({"a.csv": bytes(150_000_000)}), headers=ZIP), "zip", "made to fill a disk"),
        (Response(packed({"a.csv": CSV}), headers=ZIP), "xlsx", "not a workbook"),
        (Response(bytes(9), headers={"Content-Length": "999999999"}), "csv", "at most 256,000,000"),
        (Response(CSV, headers={"Content-Encoding": "br"}), "csv", "'br', which was not requested"),
        (Response(status=302, headers={"Location": "https://example.org/data.csv"}), "csv", "may be followed"),
        (Response(status=302, headers={"Location": "http://169.254.169.254/latest"}), "csv", "may be followed"),
        (Response(status=302, headers={"Location": "http://127.0.0.1:9/data.csv"}), "csv", "may be followed"),
        (Response(status=302, headers={"Location": "/again"}), "csv", "more than 5 redirects"),
    ],
    ids=[
        "400", "403", "404", "error_in_json", "wrong_type", "picture", "no_zip", "climbs", "explodes", "no_workbook",
        "too_large", "other_encoding", "other_host", "metadata_address", "other_port", "endless_redirects",
    ],
)  # fmt: skip
def test_responses_that_would_be_the_same_are_not_requested_again(
    start_run: StartRun, response: Response, media: str, expected: str
) -> None:
    run = start_run(response)
    with pytest.raises(PermanentFailure) as failure:
        run.client.get(Request(POLICE, "/data", media=(media,)))  # type: ignore[arg-type]
    assert expected in str(failure.value)
    assert len(run.publisher.requests) == (6 if "redirects" in expected else 1)
    assert run.waits == []
    assert not list((run.folder / "raw").glob("[0-9a-f]*")), "a refused body is not stored"


def test_an_empty_body_is_final_at_nomis_where_it_means_unknown_codes(start_run: StartRun) -> None:
    run = start_run(Response(b""))
    with pytest.raises(PermanentFailure, match="does not know these codes"):
        run.client.get(Request(HOSTS["NOMIS"], "/api/v01/dataset/NM_2021_1.data.csv"))
    assert len(run.publisher.requests) == 1


def test_a_status_can_be_final_for_one_request(start_run: StartRun) -> None:
    run = start_run(Response(status=503))
    with pytest.raises(PermanentFailure) as failure:
        run.client.get(Request(POLICE, "/api/crimes-street/all-crime", media=("json",), final=(503,)))
    assert failure.value.status == 503
    assert len(run.publisher.requests) == 1


def test_a_body_beyond_its_size_limit_is_cut_off(start_run: StartRun) -> None:
    run = start_run(Response(b"a\n" * 5000, end=True))
    with pytest.raises(PermanentFailure, match="more than the 1,000 bytes"):
        run.client.get(Request(POLICE, "/data", max_bytes=1000))


def test_the_size_limit_applies_to_the_unpacked_body(start_run: StartRun) -> None:
    run = start_run(Response(gzip.compress(bytes(10_000_000)), headers={"Content-Encoding": "gzip"}))
    with pytest.raises(PermanentFailure, match="more than the 100,000 bytes"):
        run.client.get(Request(POLICE, "/data", max_bytes=100_000))


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_the_requested_wait_is_observed(start_run: StartRun, form: str) -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=41), usegmt=True)
    run = start_run(Response(status=429, headers={"Retry-After": "40" if form == "seconds" else later}), Response(CSV))
    run.client.get(ONE)
    assert len(run.waits) == 1
    assert 38 < run.waits[0] < 42


def test_waits_grow_with_each_retry(start_run: StartRun) -> None:
    run = start_run(*[Response(status=503)] * 3, Response(CSV))
    run.client.get(ONE)
    first, second, third = run.waits
    assert 1 <= first <= 2
    assert 2 <= second <= 3
    assert 4 <= third <= 5


def test_an_excessive_wait_is_not_observed(start_run: StartRun) -> None:
    run = start_run(Response(status=503, headers={"Retry-After": "86400"}))
    with pytest.raises(TransientFailure, match="cannot wait"):
        run.client.get(ONE)
    assert (len(run.publisher.requests), run.waits) == (1, [])


def test_retries_of_a_run_are_limited(start_run: StartRun) -> None:
    run = start_run(Response(status=503), budget=Budget(retries=4))
    for number in range(4):
        with pytest.raises(TransientFailure):
            run.client.get(Request(POLICE, f"/{number}"))
    assert len(run.publisher.requests) == 4 + 4, "each request is sent once, with four retries for all of them"


def test_the_total_wait_of_a_run_is_limited(start_run: StartRun) -> None:
    run = start_run(Response(status=503, headers={"Retry-After": "100"}), budget=Budget(seconds=250))
    with pytest.raises(TransientFailure):
        run.client.get(ONE)
    assert run.waits == [100, 100]


def test_the_archive_redirect_to_its_bucket_is_followed(start_run: StartRun) -> None:
    bucket = "https://policeuk-data.s3.amazonaws.com/archive/2026-01.zip"
    run = start_run(Response(status=302, headers={"Location": bucket}), Response(packed({"a.csv": CSV}), headers=ZIP))
    run.client.get(Request(POLICE, "/data/archive/2026-01.zip", media=("zip",)))
    assert [path for _, path, _, _ in run.publisher.requests] == ["/data/archive/2026-01.zip", "/archive/2026-01.zip"]


REDIRECTS = [
    ("POLICE", "https://data.police.uk/api/x?a=1", "/police/api/x?a=1"),
    ("POLICE", "https://policeuk-data.s3.amazonaws.com/archive/a.zip", "/police/archive/a.zip"),
    ("FINGERTIPS", "https://fingertips.phe.org.uk/api/area_types", "/fingertips/area_types"),
    ("GOVUK_CONTENT", "https://www.gov.uk/api/content/government/x", "/content/government/x"),
    ("GOVUK_CONTENT", "/content/government/y", "/content/government/y"),
]


@pytest.mark.parametrize(("endpoint", "location", "path"), REDIRECTS)
def test_a_redirect_to_the_publishers_own_address_stays_on_the_override(
    endpoint: str, location: str, path: str
) -> None:
    base = "http://127.0.0.1:8000"
    overridden = {name: f"{base}/{name.lower().removeprefix('govuk_')}" for name in ("POLICE", "FINGERTIPS")}
    addresses = Addresses({**overridden, "GOVUK_CONTENT": f"{base}/content"}, HOSTS)
    assert addresses.redirected(HOSTS[endpoint], location, f"{base}/somewhere") == f"{base}{path}"
    if "://" in location:
        assert Addresses({}, HOSTS).redirected(HOSTS[endpoint], location, HOSTS[endpoint].base) == location


@pytest.mark.parametrize(
    "location",
    [
        "http://data.police.uk/api", "https://data.police.uk:8443/api", "https://data.police.uk.example.org/api",
        "https://example.org/data.police.uk", "ftp://data.police.uk/a", "//169.254.169.254/latest",
        "https://fingertips.phe.org.uk/api",
    ],
)  # fmt: skip
def test_a_redirect_anywhere_else_is_refused(location: str) -> None:
    for overrides in ({}, {"POLICE": "http://127.0.0.1:8000"}):
        with pytest.raises(PermanentFailure, match="may be followed"):
            Addresses(overrides, HOSTS).redirected(POLICE, location, "https://data.police.uk/api")


def test_a_private_address_is_refused_unless_configured() -> None:
    addresses = Addresses({"NOMIS": "http://127.0.0.1:8000"}, HOSTS)
    addresses.guard(HOSTS["NOMIS"], "http://127.0.0.1:8000/api")
    for url in ("http://127.0.0.1:8001/api", "http://10.0.0.1/", "http://[::1]/", "http://169.254.169.254/"):
        with pytest.raises(PermanentFailure, match="private network"):
            addresses.guard(HOSTS["NOMIS"], url)
    with pytest.raises(PermanentFailure, match="private network"):
        addresses.guard(POLICE, "http://127.0.0.1:8000/api")


def test_absolute_addresses_in_responses_stay_on_the_override() -> None:
    addresses = Addresses({"NHS_FILES": "http://127.0.0.1:8000/nhs"}, HOSTS)
    request = addresses.absolute("https://files.digital.nhs.uk/74/93D6A1/a.zip?x=1", [FILES])
    assert addresses.url(request) == "http://127.0.0.1:8000/nhs/74/93D6A1/a.zip?x=1"
    assert addresses.absolute("http://127.0.0.1:8000/nhs/a.zip", [FILES]).path == "/a.zip"
    for url in ("https://files.digital.nhs.uk.example.org/a.zip", "http://127.0.0.1:8000/other/a.zip", "file:///etc"):
        with pytest.raises(PermanentFailure, match="not below"):
            addresses.absolute(url, [FILES])


@pytest.mark.parametrize("folder", ["", "/datastore/pcm", "/any/datastore/pcm"])
def test_a_base_address_may_include_the_folder_of_its_files(folder: str) -> None:
    host, base = HOSTS["DEFRA_PCM"], f"http://127.0.0.1:8000{folder}"
    url = Addresses({host.name: f"{base}/"}, HOSTS).url(Request(host, "/datastore/pcm/a.csv"))
    assert url == f"http://127.0.0.1:8000{folder or '/datastore/pcm'}/a.csv"
    real = "https://uk-air.defra.gov.uk/datastore/pcm/a.csv"
    assert Addresses({host.name: base}, HOSTS).redirected(host, real, "x") == url


@pytest.mark.parametrize(("name", "base"), [("NOMISS", "http://x"), ("NOMIS", "ftp://x"), ("NOMIS", "localhost:80")])
def test_an_invalid_override_is_refused(name: str, base: str) -> None:
    with pytest.raises(SpiError, match=f"SPI_ENDPOINT_{name}"):
        Addresses({name: base}, HOSTS)


def test_a_check_runs_before_the_body_is_stored(start_run: StartRun) -> None:
    run = start_run(Response(b"error\n"), Response(CSV))

    def no_error(body: Path) -> None:
        if body.read_bytes().startswith(b"error"):
            raise TransientFailure("it says that it is busy")

    assert run.client.get(ONE, no_error).path.read_bytes() == CSV
    assert len(run.publisher.requests) == 2

    def refuse(_: Path) -> None:
        raise PermanentFailure("the header is another")

    with pytest.raises(PermanentFailure, match=r"^http://127.0.0.1:\d+/b.csv: the header is another"):
        run.client.get(Request(POLICE, "/b.csv"), refuse)
    assert len(run.publisher.requests) == 3


def test_an_immutable_request_is_sent_once(start_run: StartRun) -> None:
    run = start_run(Response(CSV), Response(b"other,body\n"))
    immutable = Request(POLICE, "/2021-05.csv", period="2021-05", immutable=True)
    first = run.client.get(immutable)
    run.next_refresh()
    assert run.client.get(immutable) == first
    assert len(run.publisher.requests) == 1


def test_other_requests_are_sent_once_a_refresh(start_run: StartRun) -> None:
    run = start_run(Response(CSV), Response(b"revised,body\n"))
    run.client.get(ONE)
    run.client.get(ONE)
    assert len(run.publisher.requests) == 1
    run.next_refresh()
    assert run.client.get(ONE).path.read_bytes() == b"revised,body\n"
    assert [download.size for download in run.raw.held()] == [13], "the newest response is current"
    assert len(list((run.folder / "raw").glob("[0-9a-f]*.json"))) == 2, "the previous response is retained"


def test_an_interrupted_refresh_resumes(start_run: StartRun) -> None:
    run = start_run(Response(CSV))
    run.client.get(ONE)
    run.raw = Raw(run.folder / "raw")  # the process was killed, and another one began
    run.raw.begin()
    run.new_client().get(ONE)
    assert len(run.publisher.requests) == 1


def test_a_refused_download_is_requested_again(start_run: StartRun) -> None:
    run = start_run(Response(CSV))
    immutable = Request(POLICE, "/2021-05.csv", immutable=True)
    run.client.get(immutable)
    run.raw.refuse()
    assert run.raw.held() == ()
    run.next_refresh()
    run.client.get(immutable)
    assert len(run.publisher.requests) == 2


def test_a_refused_download_is_not_sent_again_if_it_is_unchanged(start_run: StartRun) -> None:
    run = start_run(Response(CSV, headers={"Content-Type": "text/csv", "ETag": '"7"'}), Response(b"", 304, {}))
    immutable = Request(POLICE, "/2021-05.zip", immutable=True)
    first = run.client.get(immutable)
    run.raw.refuse()
    run.next_refresh()
    assert run.client.get(immutable) == first
    assert run.publisher.requests[1][2]["If-None-Match"] == '"7"'
    assert run.raw.held() == (first,)
    run.raw.refuse()
    assert run.raw.held() == (), "the download can be refused again"


def test_damaged_bytes_are_fetched_again(start_run: StartRun) -> None:
    run = start_run(Response(CSV))
    immutable = Request(POLICE, "/2021-05.csv", immutable=True)
    run.client.get(immutable).path.write_bytes(b"short")
    assert run.client.get(immutable).path.read_bytes() == CSV
    flipped = run.client.get(immutable)
    flipped.path.write_bytes(CSV.swapcase())
    with pytest.raises(SpiError, match="did not hold the bytes"):
        run.raw.verify(flipped)
    assert run.client.get(immutable).path.read_bytes() == CSV


def test_validators_are_sent_and_a_304_is_trusted(start_run: StartRun) -> None:
    headers = {"Content-Type": "text/csv", "ETag": '"7"', "Last-Modified": "Mon, 02 Feb 2026 09:30:00 GMT"}
    run = start_run(Response(CSV, headers=headers), Response(b"", 304, {}))
    first = run.client.get(ONE)
    run.next_refresh()
    assert run.client.get(ONE) == first
    sent = run.publisher.requests[1][2]
    assert (sent["If-None-Match"], sent["If-Modified-Since"]) == ('"7"', "Mon, 02 Feb 2026 09:30:00 GMT")


def test_the_same_bytes_are_the_same_download(start_run: StartRun) -> None:
    run = start_run(Response(CSV))
    first = run.client.get(ONE)
    run.next_refresh()
    assert run.client.get(ONE) == first, "the request was sent again"
    assert len(run.publisher.requests) == 2


def test_unreadable_json_is_requested_again(start_run: StartRun) -> None:
    run = start_run(Response(b"[1,, 2]", headers=JSON), Response(b"[1, 2]", headers=JSON))
    assert run.client.read_json(Request(POLICE, "/api/forces")) == [1, 2]


def test_a_body_must_match_the_published_md5(start_run: StartRun) -> None:
    run = start_run(Response(CSV.replace(b"1", b"2")), Response(CSV), Response(CSV + b"more,1\n"))
    md5 = hashlib.md5(CSV, usedforsecurity=False).hexdigest()
    assert run.client.get(replace(ONE, md5=md5.upper())).path.read_bytes() == CSV
    assert len(run.publisher.requests) == 2
    with pytest.raises(TransientFailure, match=rf"its MD5 is \w+, but its publisher gives {md5}; tried 4 times"):
        run.client.get(replace(ONE, path="/other.csv", md5=md5))


def test_a_secret_is_sent_and_stored_nowhere(start_run: StartRun) -> None:
    run = start_run(Response(CSV), Response(status=404))
    run.client.get(replace(ONE, params=(("a", "1"),), secret=(("uid", "0xhidden"),)))
    assert run.publisher.requests[0][1] == "/data.csv?a=1&uid=0xhidden"
    assert [file for file in run.folder.rglob("*.json") if "hidden" in file.read_text()] == []
    run.client.get(replace(ONE, params=(("a", "1"),)))
    assert len(run.publisher.requests) == 1, "the stored response is reused without the secret"
    with pytest.raises(PermanentFailure) as failure:
        run.client.get(replace(ONE, path="/other.csv", secret=(("uid", "0xhidden"),)))
    assert "hidden" not in str(failure.value)


@pytest.mark.parametrize(
    "response",
    [
        Response(b"unknown uid 0xhidden", status=400),
        Response(b'{"error": "unknown uid 0xhidden"}'),
        Response(b"unknown uid 0xhidden", status=503),
    ],
    ids=["refused", "refused with status 200", "overloaded"],
)
def test_a_secret_repeated_in_a_response_is_not_reported(start_run: StartRun, response: Response) -> None:
    run = start_run(response)
    with pytest.raises((PermanentFailure, TransientFailure), match="unknown uid …") as failure:
        run.client.get(replace(ONE, secret=(("uid", "0xhidden"),)))
    assert "hidden" not in str(failure.value) + "".join(run.messages)


def test_sizes_are_requested_by_head_and_a_refused_file_is_still_announced(start_run: StartRun) -> None:
    run = start_run(Response(CSV, headers={"Content-Length": "2000000"}), Response(status=403))
    run.client.announce([ONE, replace(ONE, path="/b.csv")])
    assert run.messages == ["2 large files of 2 MB or more will be downloaded, once"]
    assert [(method, sent["Accept-Encoding"]) for method, _, sent, _ in run.publisher.requests] == [
        ("HEAD", "identity")
    ] * 2
    assert not list((run.folder / "raw").glob("[0-9a-f]*"))


def test_large_downloads_not_yet_stored_are_announced_in_one_line(start_run: StartRun) -> None:
    big = {"Content-Type": "application/zip", "Content-Length": "1733868300"}
    run = start_run(Response(packed({"a.csv": CSV}), headers=ZIP), Response(headers=big))
    stored, *others = (Request(POLICE, f"/{name}.zip", media=("zip",), immutable=True) for name in "abc")
    run.client.get(stored)
    run.client.announce([stored, *others])
    assert run.messages == ["2 large files of 3,468 MB will be downloaded, once"]
    run.client.announce([stored])
    assert (len(run.messages), len(run.publisher.requests)) == (1, 3)


CHILD = """
import sys
from pathlib import Path
from spi_pipeline.publishers.http.limits import Limits
limits = Limits(Path(sys.argv[1]))
for _ in range(int(sys.argv[2])):
    limits.wait("data.police.uk", 15)
"""


def test_two_processes_share_one_limit(tmp_path: Path) -> None:
    command = [sys.executable, "-c", CHILD, str(tmp_path), "20"]
    children = [subprocess.Popen(command) for _ in range(2)]
    assert [child.wait() for child in children] == [0, 0]
    # The times at which requests were let through, in milliseconds, as the processes recorded them.
    with closing(sqlite3.connect(tmp_path / "data_police_uk.sqlite")) as noted:
        times = sorted(at for (at,) in noted.execute("SELECT item_timestamp FROM rate_15"))
    assert len(times) == 40
    assert max(sum(start <= at < start + 1000 for at in times) for start in times) == 15

"""The site of the refreshed sandbox, built once for all workers, and a browser that cannot reach the internet."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from lxml import html

from spi_pipeline.outputs.site.facts import Facts
from spi_pipeline.outputs.site.readback import Read, read_page
from spi_pipeline.outputs.site.results import Results
from spi_pipeline.steps.outputs.readers import results_in
from spi_pipeline_tests.integration.sandboxes import Sandbox

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Route

CHROMIUM = Path("/usr/bin/chromium")
# These options keep Debian's Chromium from calling home; root cannot use Chromium's sandbox.
QUIET = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


@dataclass(frozen=True)
class BuiltSite:
    """A finished site, as published by a refresh.

    Attributes:
        sandbox: the sandbox whose store holds the site.
    """

    sandbox: Sandbox

    @property
    def folder(self) -> Path:
        """The folder of the site."""
        return Path(self.sandbox.settings.store) / "published" / "current" / "site"

    @property
    def pages(self) -> list[str]:
        """The path of every page within the folder."""
        return sorted(file.relative_to(self.folder).as_posix() for file in self.folder.rglob("*.html"))

    @property
    def one_of_each(self) -> list[str]:
        """One page of each kind: pages in a folder are alike, except its index; top-level pages all differ."""
        kinds = {page if "/" not in page or page.endswith("/index.html") else page.split("/")[0]: page
                 for page in reversed(self.pages)}  # fmt: skip
        return sorted(kinds.values())


def results_of(sandbox: Sandbox) -> Results:
    return results_in(sandbox.store.database, sandbox.contracts, sandbox.store.read)


def read_back(folder: Path, facts: Facts) -> Read:
    """Read back every page in a folder."""
    pages = ((file.relative_to(folder).as_posix(), html.document_fromstring(file.read_bytes()))
             for file in sorted(folder.rglob("*.html")))  # fmt: skip
    sizes = {file.relative_to(folder).as_posix(): file.stat().st_size for file in folder.rglob("*") if file.is_file()}
    read = [(path, read_page(path, tree, facts, sizes)) for path, tree in pages]
    faults = [f"{path}: {fault}" for path, one in read for fault in one.faults]
    return Read(faults, sum(one.numbers for _, one in read), sum(one.wards for _, one in read))


@pytest.fixture(scope="session")
def site(with_outputs: Sandbox) -> BuiltSite:
    """The site of the sandbox with all outputs, for reading only."""
    return BuiltSite(with_outputs)


@pytest.fixture(scope="session")
def facts(site: BuiltSite) -> Facts:
    """The tables that the site was made from, as a reader looks them up."""
    return Facts(site.sandbox.store.database, site.sandbox.settings.root)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium; without it the tests are skipped, or fail if ``CI`` is set."""
    if not CHROMIUM.exists():
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"there is no {CHROMIUM}: apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield browser
        browser.close()


@dataclass
class OpenPage:
    """A tab that may read the site and nothing else.

    Attributes:
        tab: the tab.
        site: the site.
        requested: every address it requested.
        outside: the requested addresses that are neither in the folder nor on this machine; they got no response.
        complaints: errors written to the console, and errors of scripts.
    """

    tab: Page
    site: BuiltSite
    requested: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def go(self, name: str) -> None:
        """Open a page from its file."""
        self.tab.goto((self.site.folder / name).as_uri())

    def route_request(self, route: Route) -> None:
        """Let requests within the site through and block all others."""
        address = route.request.url
        self.requested.append(address)
        if address.startswith((self.site.folder.as_uri(), "data:", "http://127.0.0.1:")):
            route.continue_()
        else:
            self.outside.append(address)
            route.abort()


@contextmanager
def open_page(
    browser: Browser, site: BuiltSite, width: int = 1280, height: int = 900, **options: Any
) -> Iterator[OpenPage]:
    """A tab in a new browser context, with a window of the given size."""
    context = browser.new_context(viewport={"width": width, "height": height}, **options)
    page = OpenPage(context.new_page(), site)
    page.tab.route("**/*", page.route_request)
    page.tab.on("console", lambda message: page.complaints.append(message.text) if message.type == "error" else None)
    page.tab.on("pageerror", lambda error: page.complaints.append(str(error)))
    try:
        yield page
    finally:
        context.close()

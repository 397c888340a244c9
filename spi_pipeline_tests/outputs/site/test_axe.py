"""axe finds no breach of WCAG 2.2 AA or good practice, on every page on desktops and one of each kind on phones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from axe_playwright_python.sync_playwright import Axe

from spi_pipeline_tests.outputs.site.conftest import Built, OpenPage, opened

if TYPE_CHECKING:
    from playwright.sync_api import Browser

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# axe would request styles itself, which the pages' policy forbids.
OPTIONS = {"preload": False, "runOnly": {"type": "tag", "values": TAGS}}


def violations(page: OpenPage, name: str) -> list[str]:
    page.go(name)
    page.tab.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    found = Axe().run(page.tab, options=OPTIONS).response
    assert found["passes"], f"axe judged nothing on {name}"
    return [
        f"{name}: {one['id']} ({one['help']}): {'; '.join(node['html'][:160] for node in one['nodes'][:3])}"
        for one in found["violations"]
    ]


@pytest.mark.parametrize("width", [1280, 390, 320])
def test_axe_finds_nothing(site: Built, browser: Browser, width: int) -> None:
    with opened(browser, site, width=width) as page:
        names = site.pages if width == 1280 else site.one_of_each
        assert [found for name in names for found in violations(page, name)] == []
        assert page.complaints == []


def test_axe_finds_what_is_amiss(site: Built, browser: Browser) -> None:
    with opened(browser, site) as page:
        page.go("index.html")
        page.tab.evaluate("document.querySelector('label').remove(); document.querySelector('svg a').ariaLabel = ''")
        rules = {one["id"] for one in Axe().run(page.tab, options=OPTIONS).response["violations"]}
    assert {"label", "link-name"} <= rules

"""axe finds no breach of WCAG 2.2 AA or good practice, on desktops and, on one page of each kind, on phones.

By hand every page is tried on a desktop; CI, where that took eight minutes, tries one of each kind and a seeded sample.
"""

from __future__ import annotations

import os
import random
from typing import TYPE_CHECKING

import pytest
from axe_playwright_python.sync_playwright import Axe

from spi_pipeline_tests.outputs.site.conftest import BuiltSite, OpenPage, open_page

if TYPE_CHECKING:
    from playwright.sync_api import Browser

# The number of pages that CI tries besides one of each kind.
SAMPLE = 12
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# axe would request styles itself, which the pages' policy forbids.
OPTIONS = {"preload": False, "runOnly": {"type": "tag", "values": TAGS}}


def violations(page: OpenPage, name: str) -> list[str]:
    page.go(name)
    page.tab.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    report = Axe().run(page.tab, options=OPTIONS).response
    assert report["passes"], f"axe checked nothing on {name}"
    return [
        f"{name}: {one['id']} ({one['help']}): {'; '.join(node['html'][:160] for node in one['nodes'][:3])}"
        for one in report["violations"]
    ]


@pytest.mark.parametrize("width", [1280, 390, 320])
def test_axe_finds_no_violations(site: BuiltSite, browser: Browser, width: int) -> None:
    with open_page(browser, site, width=width) as page:
        names = site.one_of_each
        if width == 1280:
            sample = random.Random(18).sample(site.pages, SAMPLE) if os.environ.get("CI") else site.pages
            names = sorted({*names, *sample})
        assert [violation for name in names for violation in violations(page, name)] == []
        assert page.complaints == []


def test_axe_finds_planted_violations(site: BuiltSite, browser: Browser) -> None:
    with open_page(browser, site) as page:
        page.go("index.html")
        page.tab.evaluate("document.querySelector('label').remove(); document.querySelector('svg a').ariaLabel = ''")
        rules = {one["id"] for one in Axe().run(page.tab, options=OPTIONS).response["violations"]}
    assert {"label", "link-name"} <= rules

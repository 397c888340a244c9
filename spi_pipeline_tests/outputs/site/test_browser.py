"""The site in Debian's Chromium: keyboard, narrow windows, no script, forced colours, paper, nothing from outside."""

from __future__ import annotations

import re
from io import BytesIO
from threading import Thread
from typing import TYPE_CHECKING

import pytest

from spi_pipeline.outputs.site.server import SiteServer
from spi_pipeline_tests.outputs.site.conftest import Built, OpenPage, opened

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Browser, Page

HEIGHT = 900
SIDEWAYS = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
# WCAG requires reading without scrolling both ways at 1280 CSS pixels magnified four times, which leaves 320.
MAGNIFIED = {"width": 320, "height": 256}
STOPS = """[...document.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex='0']")]
  .filter((one) => one.checkVisibility() && !one.disabled)"""
FOCUSED = f"""() => {{
  const one = document.activeElement, box = one.getBoundingClientRect(), style = getComputedStyle(one);
  const shape = one.querySelector("path"), width = shape ? parseFloat(getComputedStyle(shape).strokeWidth) : 0;
  return {{
    name: one.textContent.trim() || one.ariaLabel || one.id, top: box.top, bottom: box.bottom,
    seen: (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2) || width >= 4,
    stop: {STOPS}.indexOf(one),
  }};
}}"""


def test_no_page_scrolls_sideways(site: Built, browser: Browser) -> None:
    """At 320 pixels, which is 1280 magnified four times, with all details open."""
    with opened(browser, site, width=MAGNIFIED["width"], height=MAGNIFIED["height"]) as page:
        for name in site.one_of_each:
            page.go(name)
            page.tab.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
            assert page.tab.evaluate(SIDEWAYS) <= 0, f"{name} scrolls sideways"


def test_no_page_asks_outside_or_complains(site: Built, browser: Browser) -> None:
    with opened(browser, site) as page:
        for name in site.one_of_each:
            page.go(name)
        assert page.complaints == []
        assert page.asked, "requests are seen at all"
        assert page.outside == []


def test_an_outside_request_would_be_seen(site: Built, browser: Browser) -> None:
    with opened(browser, site, bypass_csp=True) as page:
        page.go("index.html")
        page.tab.evaluate("new Image().src = 'http://example.org/a.png'")
        page.tab.wait_for_timeout(200)
        assert page.outside == ["http://example.org/a.png"]


def test_the_skip_link_is_first_and_leads_to_the_content(site: Built, browser: Browser) -> None:
    with opened(browser, site) as page:
        for name in site.one_of_each:
            page.go(name)
            page.tab.keyboard.press("Tab")
            first = page.tab.evaluate(FOCUSED)
            assert first["name"] == "Skip to main content", name
            assert first["top"] >= 0, f"{name}: it is not seen"
            page.tab.keyboard.press("Enter")
            assert page.tab.evaluate("document.activeElement.id") == "main", name


def test_everything_is_reached_by_tab_in_the_order_read_and_shows_it(site: Built, browser: Browser) -> None:
    with opened(browser, site) as page:
        for name in site.one_of_each:
            page.go(name)
            for stop in range(page.tab.evaluate(f"{STOPS}.length")):
                page.tab.keyboard.press("Tab")
                at = page.tab.evaluate(FOCUSED)
                assert at["stop"] == stop, f"{name}: {at['name']} is stop {stop}, by the order read {at['stop']}"
                assert at["seen"], f"{name}: {at['name']} does not show that it has the focus"
                assert at["bottom"] > 0, f"{name}: {at['name']} has the focus out of sight"
                assert at["top"] < HEIGHT, f"{name}: {at['name']} has the focus out of sight"


def find_by(tab: Page, sought: str) -> None:
    tab.get_by_label("Name of a ward, or a full postcode").fill(sought)
    tab.keyboard.press("Enter")


def find(page: OpenPage, sought: str) -> str:
    find_by(page.tab, sought)
    # The element is empty until the postcodes of a district have been read.
    page.tab.wait_for_function("() => document.querySelector('.found').textContent")
    return page.tab.locator("[role=status]").inner_text()


def test_a_ward_is_found_by_its_name_or_a_postcode_by_keyboard(site: Built, browser: Browser) -> None:
    wards = {row[0]: row[1] for row in site.sandbox.query("SELECT area_code, area_name FROM area WHERE level = 'ward'")}
    table = site.sandbox.store.read("postcodes").select(["postcode", "ward_code"]).to_pandas()
    table = table[table["ward_code"].isin(wards)]
    with opened(browser, site) as page:
        page.go("index.html")
        status = page.tab.locator("[role=status]")
        for postcode, code in table.iloc[:: len(table) // 25].itertuples(index=False):
            for typed in (postcode, postcode.replace(" ", "").lower()):
                assert find(page, typed) == f"The ward is {wards[code]}", typed
        assert find(page, "round green") == "The ward is Round Green"
        assert find(page, "le").startswith("Wards that match: ")
        assert "No ward here" in find(page, "ZZ9 9ZZ")
        assert "No ward here" in find(page, "<img src=x>")
        assert status.locator("img").count() == 0
        assert find(page, "  ") == "Type the name of a ward or a postcode."
        find(page, "Dallow")
        assert status.locator("a").get_attribute("href") == "wards/dallow.html"
        assert page.complaints == []


def test_without_javascript_everything_can_be_read(site: Built, browser: Browser) -> None:
    with opened(browser, site, java_script_enabled=False) as page:
        for name in site.one_of_each:
            page.go(name)
            assert page.tab.locator("h1").is_visible(), name
            for control in page.tab.locator("main").locator("button, input, select").all():
                assert not control.is_visible(), f"{name}: a control that can do nothing is shown"
        page.go("index.html")
        assert page.tab.get_by_role("list").get_by_role("link", name="Dallow", exact=True).is_visible()


@pytest.mark.parametrize(
    ("name", "region", "ask"),
    [
        ("index.html", ".found", lambda tab: find_by(tab, "LU4 8RE")),
        ("explore.html", "#status", lambda tab: tab.get_by_label("Measure").select_option(index=2)),
        ("compare.html#wards=dallow", "#compared", lambda tab: tab.locator("select").nth(1).select_option("farley")),
    ],
)
def test_figures_that_cannot_be_loaded_are_said_and_asked_for_again(
    site: Built, browser: Browser, name: str, region: str, ask: Callable[[Page], object]
) -> None:
    broken = re.compile(r"static/(postcodes|measures|wards)/")
    with opened(browser, site) as page:
        page.tab.goto(f"{site.folder.as_uri()}/{name}")
        page.tab.route(broken, lambda route: route.abort())
        ask(page.tab)
        page.tab.wait_for_function(
            f"() => document.querySelector('{region}').textContent.includes('could not be loaded')"
        )
        page.tab.unroute(broken)
        if name != "index.html":
            page.tab.locator("select").first.select_option(index=3)
        ask(page.tab)
        page.tab.wait_for_function(
            f"() => !/could not be loaded|^$/.test(document.querySelector('{region}').textContent)"
        )


def test_forced_colours_keep_the_map_and_the_focus(site: Built, browser: Browser) -> None:
    with opened(browser, site, forced_colors="active") as page:
        page.go("index.html")
        for place in (0, 4):
            fill = page.tab.locator(f".map path.c{place}").first
            if fill.count():
                assert fill.evaluate("(one) => getComputedStyle(one).fill") != "rgb(0, 0, 0)"
        page.tab.keyboard.press("Tab")
        assert page.tab.evaluate(FOCUSED)["seen"]


def pages_on_paper(page: OpenPage) -> int:
    paper = page.tab.pdf(format="A4", print_background=False)
    return len(re.findall(rb"/Type\s*/Page\b", BytesIO(paper).read()))


def test_a_ward_is_printed_on_three_sheets_at_most(site: Built, browser: Browser) -> None:
    wards = [name for name in site.pages if re.fullmatch(r"wards/(?!index).*", name)]
    assert wards
    with opened(browser, site) as page:
        for name in wards:
            page.go(name)
            assert 1 <= pages_on_paper(page) <= 3, name


def test_the_first_page_is_printed_without_what_paper_cannot_do(site: Built, browser: Browser) -> None:
    with opened(browser, site) as page:
        page.go("index.html")
        assert 1 <= pages_on_paper(page) <= 3
        page.tab.emulate_media(media="print")
        assert not page.tab.locator("form.find").is_visible()
        assert not page.tab.locator("nav").first.is_visible()


def test_the_server_shows_the_same(site: Built, browser: Browser) -> None:
    """Over HTTP, scripts run and the policy holds too."""
    with SiteServer(site.folder, 0) as server, opened(browser, site) as page:
        Thread(target=server.serve_forever).start()
        page.tab.goto(server.address)
        assert find(page, "Dallow") == "The ward is Dallow"
        assert page.complaints == []
        server.shutdown()

"""The site in Debian's Chromium: keyboard, narrow windows, no script, forced colours, paper, nothing from outside."""

from __future__ import annotations

import re
from io import BytesIO
from threading import Thread
from typing import TYPE_CHECKING

import pytest

from spi_pipeline.outputs.site.server import SiteServer
from spi_pipeline_tests.outputs.site.conftest import BuiltSite, OpenPage, open_page

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


def test_no_page_scrolls_sideways(site: BuiltSite, browser: Browser) -> None:
    """At 320 pixels, which is 1280 magnified four times, with all details open."""
    with open_page(browser, site, width=MAGNIFIED["width"], height=MAGNIFIED["height"]) as page:
        for name in site.one_of_each:
            page.go(name)
            page.tab.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
            assert page.tab.evaluate(SIDEWAYS) <= 0, f"{name} scrolls sideways"


def test_no_page_sends_outside_requests_or_raises_errors(site: BuiltSite, browser: Browser) -> None:
    with open_page(browser, site) as page:
        for name in site.one_of_each:
            page.go(name)
        assert page.complaints == []
        assert page.requested, "requests are recorded"
        assert page.outside == []


def test_an_outside_request_is_recorded(site: BuiltSite, browser: Browser) -> None:
    with open_page(browser, site, bypass_csp=True) as page:
        page.go("index.html")
        page.tab.evaluate("new Image().src = 'http://example.org/a.png'")
        page.tab.wait_for_timeout(200)
        assert page.outside == ["http://example.org/a.png"]


def test_the_skip_link_is_first_and_leads_to_the_content(site: BuiltSite, browser: Browser) -> None:
    with open_page(browser, site) as page:
        for name in site.one_of_each:
            page.go(name)
            page.tab.keyboard.press("Tab")
            first = page.tab.evaluate(FOCUSED)
            assert first["name"] == "Skip to main content", name
            assert first["top"] >= 0, f"{name}: the link is not visible"
            page.tab.keyboard.press("Enter")
            assert page.tab.evaluate("document.activeElement.id") == "main", name


def test_tab_reaches_every_control_in_reading_order_with_visible_focus(site: BuiltSite, browser: Browser) -> None:
    with open_page(browser, site) as page:
        for name in site.one_of_each:
            page.go(name)
            for stop in range(page.tab.evaluate(f"{STOPS}.length")):
                page.tab.keyboard.press("Tab")
                at = page.tab.evaluate(FOCUSED)
                assert at["stop"] == stop, f"{name}: {at['name']} is stop {stop}, but {at['stop']} in reading order"
                assert at["seen"], f"{name}: {at['name']} does not show that it has the focus"
                assert at["bottom"] > 0, f"{name}: {at['name']} has the focus out of sight"
                assert at["top"] < HEIGHT, f"{name}: {at['name']} has the focus out of sight"


def find_by(tab: Page, entry: str) -> None:
    tab.get_by_label("Name of a ward, or a full postcode").fill(entry)
    tab.keyboard.press("Enter")


def find(page: OpenPage, entry: str) -> str:
    find_by(page.tab, entry)
    # The element is empty until the postcodes of a district have been read.
    page.tab.wait_for_function("() => document.querySelector('.found').textContent")
    return page.tab.locator("[role=status]").inner_text()


def test_a_ward_is_found_by_its_name_or_a_postcode_by_keyboard(site: BuiltSite, browser: Browser) -> None:
    wards = {row[0]: row[1] for row in site.sandbox.query("SELECT area_code, area_name FROM area WHERE level = 'ward'")}
    table = site.sandbox.store.read("postcodes").select(["postcode", "ward_code"]).to_pandas()
    table = table[table["ward_code"].isin(wards)]
    with open_page(browser, site) as page:
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


def test_everything_can_be_read_without_javascript(site: BuiltSite, browser: Browser) -> None:
    with open_page(browser, site, java_script_enabled=False) as page:
        for name in site.one_of_each:
            page.go(name)
            assert page.tab.locator("h1").is_visible(), name
            for control in page.tab.locator("main").locator("button, input, select").all():
                assert not control.is_visible(), f"{name}: a control without effect is shown"
        page.go("index.html")
        assert page.tab.get_by_role("list").get_by_role("link", name="Dallow", exact=True).is_visible()


@pytest.mark.parametrize(
    ("name", "region", "trigger"),
    [
        ("index.html", ".found", lambda tab: find_by(tab, "LU4 8RE")),
        ("explore.html", "#status", lambda tab: tab.get_by_label("Measure").select_option(index=2)),
        ("compare.html#wards=dallow", "#compared", lambda tab: tab.locator("select").nth(1).select_option("farley")),
    ],
)
def test_figures_that_fail_to_load_are_reported_and_requested_again(
    site: BuiltSite, browser: Browser, name: str, region: str, trigger: Callable[[Page], object]
) -> None:
    broken = re.compile(r"static/(postcodes|measures|wards)/")
    with open_page(browser, site) as page:
        page.tab.goto(f"{site.folder.as_uri()}/{name}")
        page.tab.route(broken, lambda route: route.abort())
        trigger(page.tab)
        page.tab.wait_for_function(
            f"() => document.querySelector('{region}').textContent.includes('could not be loaded')"
        )
        page.tab.unroute(broken)
        if name != "index.html":
            page.tab.locator("select").first.select_option(index=3)
        trigger(page.tab)
        page.tab.wait_for_function(
            f"() => !/could not be loaded|^$/.test(document.querySelector('{region}').textContent)"
        )


def test_map_and_focus_are_visible_in_forced_colours(site: BuiltSite, browser: Browser) -> None:
    with open_page(browser, site, forced_colors="active") as page:
        page.go("index.html")
        for place in (0, 4):
            fill = page.tab.locator(f".map path.c{place}").first
            if fill.count():
                assert fill.evaluate("(one) => getComputedStyle(one).fill") != "rgb(0, 0, 0)"
        page.tab.keyboard.press("Tab")
        assert page.tab.evaluate(FOCUSED)["seen"]


def sheets(page: OpenPage) -> int:
    paper = page.tab.pdf(format="A4", print_background=False)
    return len(re.findall(rb"/Type\s*/Page\b", BytesIO(paper).read()))


def test_a_ward_page_prints_on_three_sheets_at_most(site: BuiltSite, browser: Browser) -> None:
    wards = [name for name in site.pages if re.fullmatch(r"wards/(?!index).*", name)]
    assert wards
    with open_page(browser, site) as page:
        for name in wards:
            page.go(name)
            assert 1 <= sheets(page) <= 3, name


def test_the_first_page_prints_without_navigation_and_search(site: BuiltSite, browser: Browser) -> None:
    with open_page(browser, site) as page:
        page.go("index.html")
        assert 1 <= sheets(page) <= 3
        page.tab.emulate_media(media="print")
        assert not page.tab.locator("form.find").is_visible()
        assert not page.tab.locator("nav").first.is_visible()


def test_the_served_site_works_like_the_files(site: BuiltSite, browser: Browser) -> None:
    """Over HTTP, scripts run and the policy holds too."""
    with SiteServer(site.folder, 0) as server, open_page(browser, site) as page:
        Thread(target=server.serve_forever).start()
        page.tab.goto(server.address)
        assert find(page, "Dallow") == "The ward is Dallow"
        assert page.complaints == []
        server.shutdown()

"""Every page, tested without a browser: valid, self-contained, free of broken links, small and readable."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote, urlsplit

import html5lib
import pytest
import textstat
from lxml import html

from spi_pipeline_tests.outputs.site.conftest import BuiltSite

# Pages that others may link to before they exist, by the start of their paths.
AGREED = (
    "explore.html", "wards/", "areas/", "compare.html", "measures/", "indicators/", "economy.html", "progress.html",
    "certainty.html", "targets.html", "found.html", "quality.html", "method.html", "downloads.html",
    "accessibility.html", "about.html", "404.html",
)  # fmt: skip
# Code that could send requests or write markup.
FORBIDDEN_CODE = r"\bfetch\(|XMLHttpRequest|\beval\(|new Function|\bimport\b|innerHTML|document\.write|https?:"
PAGE_KILOBYTES, SCRIPT_LINES = 120, 400
# Ages at which a text is easy to read; the readability index counts school years, which begin at five.
YOUNGEST_AT_SCHOOL, OLDEST_READER = 5, 14
POLICY = {
    "default-src 'none'", "script-src 'self' file:", "style-src 'self' file:", "connect-src 'none'",
    "form-action 'none'", "base-uri 'none'",
}  # fmt: skip


@cache
def parsed(file: Path) -> html.HtmlElement:
    return html.document_fromstring(file.read_bytes())


def each(site: BuiltSite) -> Iterator[tuple[str, html.HtmlElement]]:
    assert site.pages, "no page was built"
    for page in site.pages:
        yield page, parsed(site.folder / page)


def test_html_is_valid(site: BuiltSite) -> None:
    """A parser that follows the standard reports no error."""
    faults = []
    for page in site.pages:
        parser = html5lib.HTMLParser(strict=False)
        parser.parse((site.folder / page).read_text("utf-8"))
        faults += [f"{page}: line {place[0]}: {fault} {about}" for place, fault, about in parser.errors]
    assert faults == []


def test_a_page_has_a_language_a_title_a_description_and_one_heading(site: BuiltSite) -> None:
    titles: dict[str, str] = {}
    for page, tree in each(site):
        assert tree.get("lang") == "en-GB", page
        title = tree.findtext("head/title")
        assert titles.setdefault(title, page) == page, f"{page} and {titles[title]} have one title"
        assert tree.xpath("string(head/meta[@name='description']/@content)"), page
        assert len(tree.xpath("//h1")) == 1, page
        assert len(tree.xpath("//main//h1")) == 1, page
        levels = [int(heading.tag[1]) for heading in tree.iter("h1", "h2", "h3", "h4")]
        assert all(later - earlier <= 1 for earlier, later in pairwise(levels)), f"{page}: {levels}"


def test_ids_are_unique_and_references_to_them_are_valid(site: BuiltSite) -> None:
    for page, tree in each(site):
        ids = tree.xpath("//@id")
        assert len(ids) == len(set(ids)), page
        named = tree.xpath("//@aria-labelledby | //@aria-describedby | //@aria-controls | //label/@for")
        assert {one for several in named for one in several.split()} <= set(ids), page


def test_tables_have_captions_and_headers_with_scope(site: BuiltSite) -> None:
    tables = 0
    for page, tree in each(site):
        for table in tree.iter("table"):
            tables += 1
            assert table.xpath("string(caption)").strip(), page
            headers = table.xpath(".//th")
            assert headers, page
            assert all(header.get("scope") in ("col", "row", "colgroup", "rowgroup") for header in headers), page
            assert table.xpath("ancestor::*[@role='region'][@tabindex='0'][@aria-label]"), f"{page}: cannot be scrolled"
    assert tables


def test_every_picture_has_a_text_alternative(site: BuiltSite) -> None:
    for page, tree in each(site):
        for picture in tree.iter("svg", "img"):
            alternative = picture.get("aria-label") or picture.get("alt") or picture.get("aria-hidden") == "true"
            alternative = alternative or picture.xpath(
                "ancestor::*[@aria-hidden='true' or (@role='img' and @aria-label)]"
            )
            assert alternative, f"{page}: {html.tostring(picture)[:120]!r}"


def links(site: BuiltSite) -> Iterator[tuple[str, str, Path, str]]:
    """Page, address as written, file and fragment of every reference within the site."""
    for page, tree in each(site):
        for address in tree.xpath("//@href | //@src"):
            parts = urlsplit(address)
            if not parts.scheme and not parts.netloc:
                file = (site.folder / page).parent / unquote(parts.path) if parts.path else site.folder / page
                yield page, address, file.resolve(), unquote(parts.fragment)


def test_every_link_has_a_target(site: BuiltSite) -> None:
    """The page and the place must exist; an agreed page may be missing only while its whole kind is."""
    missing_kinds, top = set(), site.folder.resolve()
    for page, address, file, fragment in links(site):
        assert file.is_relative_to(top), f"{page} links out of the site: {address}"
        name = file.relative_to(top).as_posix()
        if not file.is_file():
            kind = next((kind for kind in AGREED if name.startswith(kind)), None)
            written = kind is None or any(other.startswith(kind) for other in site.pages)
            assert not written, f"{page} links to {address}, which does not exist"
            missing_kinds.add(kind)
        elif fragment and file.suffix == ".html":
            ids = parsed(site.folder / name).xpath("//@id")
            # A fragment that a script reads, such as #m=housing, is not a place in the page.
            assert fragment in ids or "=" in fragment, f"{page} links to {address}, which has no such place"
    if missing_kinds:
        pytest.xfail(f"not written yet: {', '.join(sorted(missing_kinds))}")


def test_every_page_can_be_reached_from_the_first(site: BuiltSite) -> None:
    reached, to_follow = set(), ["index.html"]
    onward: dict[str, set[str]] = {}
    for page, _, file, _ in links(site):
        onward.setdefault(page, set()).add(file.relative_to(site.folder.resolve()).as_posix())
    while to_follow:
        page = to_follow.pop()
        if page not in reached and (site.folder / page).is_file():
            reached.add(page)
            to_follow += onward.get(page, ())
    assert set(site.pages) - reached <= {"404.html"}


def test_nothing_is_loaded_from_outside_or_inline(site: BuiltSite) -> None:
    for page, tree in each(site):
        loaded = tree.xpath("//@src | //link[not(@rel='canonical')]/@href | //object/@data | //@srcset | //@poster")
        assert not [one for one in loaded if urlsplit(one).netloc or urlsplit(one).scheme not in ("", "data")], page
        assert not tree.xpath("//style | //script[not(@src)][not(@type='application/ld+json')] | //iframe | //base"), (
            page
        )
        assert not tree.xpath("//@style | //@*[starts-with(name(), 'on')]"), page
        assert not tree.xpath("//a[starts-with(@href, 'javascript:')]"), page
        classic = [one.get("defer") is not None and one.get("type") is None for one in tree.xpath("//script[@src]")]
        assert all(classic), f"{page}: only classic deferred scripts run from a file"
        policy = tree.xpath("string(//meta[@http-equiv='Content-Security-Policy']/@content)")
        assert {one.strip() for one in policy.split(";")} >= POLICY, page
        assert "unsafe" not in policy, page
        assert "*" not in policy, page


def test_styles_and_scripts_send_no_requests(site: BuiltSite) -> None:
    for file in filter(Path.is_file, (site.folder / "static").rglob("*")):
        text = file.read_text("utf-8")
        if file.suffix == ".css":
            assert not re.search(r"@import|url\((?!['\"]?data:)|@font-face", text), file.name
        if file.suffix == ".js":
            assert not re.search(FORBIDDEN_CODE, text), file.name


def test_a_page_with_its_styles_and_scripts_is_small(site: BuiltSite) -> None:
    def compressed_size(file: Path) -> int:
        return len(gzip.compress(file.read_bytes(), 9))

    for page, tree in each(site):
        addresses = [
            one for one in tree.xpath("//script/@src | //link[@rel='stylesheet']/@href") if not urlsplit(one).scheme
        ]
        total = sum(compressed_size((site.folder / page).parent / one) for one in addresses) + compressed_size(
            site.folder / page
        )
        assert total <= PAGE_KILOBYTES * 1000, f"{page}: {total:,} bytes"


def test_our_scripts_are_short() -> None:
    from spi_pipeline.outputs.site.build import STATIC

    assert sum(len(file.read_text("utf-8").splitlines()) for file in STATIC.glob("*.js")) < SCRIPT_LINES


def sentences(tree: html.HtmlElement) -> str:
    """The prose of a page: paragraphs and list items that are sentences, including names and numbers."""
    prose = (" ".join(node.text_content().split()) for node in tree.xpath("//main//p | //main//li"))
    return " ".join(one for one in prose if one.endswith(".") and len(one.split()) > 4)


@pytest.mark.parametrize("kind", [r"index\.html", r"wards/(?!index).*\.html"], ids=["home", "wards"])
def test_the_first_page_and_ward_pages_are_easy_to_read(site: BuiltSite, kind: str) -> None:
    """The Flesch-Kincaid grade as an age; texts for the council's readers are written for ages 12 to 14."""
    pages = [page for page in site.pages if re.fullmatch(kind, page)]
    if not pages:
        pytest.xfail("not written yet")
    for page in pages:
        text = sentences(parsed(site.folder / page))
        assert len(text.split()) > 100, page
        age = YOUNGEST_AT_SCHOOL + textstat.flesch_kincaid_grade(text)
        assert age <= OLDEST_READER, f"{page} is read at {age:.1f}: {text[:400]}"

"""The public site, in a table of its files that is checked before readers see it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from inspect import getmembers, isfunction
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.outputs.database import DATABASE
from spi_pipeline.outputs.files import SITE
from spi_pipeline.steps.inputs import NEXT_TO_CONTRACTS, PACKAGED, Inputs
from spi_pipeline.steps.outputs.readers import OUTPUT, inputs_of, require, results_of
from spi_pipeline.steps.pages.markdown import sample
from spi_pipeline.steps.pages.page import Facts, Markdown, Page, PageData
from spi_pipeline.steps.pages.pictures import svg
from spi_pipeline.steps.step import Step

# Templates, styles and scripts.
SITE_FILES = f"{PACKAGED}outputs/site"


def site_steps(contracts: Contracts, steps: Sequence[Step]) -> list[Step]:
    """The step of the product ``site``, if ``SPI_OUTPUTS`` names it.

    Args:
        contracts: all contracts.
        steps: the steps before it.

    Raises:
        SpiError: if a library that it needs is not installed.
    """
    if SITE not in contracts.outputs:
        return []
    require(SITE)
    logo = contracts.publication.logo
    downloads = [step.outputs[0] for step in steps if step.key == (OUTPUT, "downloads")]
    pictures = [f"{NEXT_TO_CONTRACTS}{logo.file}"] if logo else []
    return [
        Step(
            name=SITE,
            kind=OUTPUT,
            group="published",
            inputs=(
                *inputs_of(DATABASE.reads(contracts), steps), "wards", "postcodes", *downloads, SITE_FILES, *pictures,
            ),
            outputs=(SITE,),
            # Pages quote every contract.
            files=tuple(sorted(contracts.digests)),
            does=site,
            uses=_reached_by_templates(),
            page=Page(shows=_shows, preview=_pages),
            title="The public site",
            description="Every page of the public site; each number is read back and looked up again in the tables.",
            bounds=True,
            tool="html",
        )
    ]  # fmt: skip


def site(step: Step, contracts: Contracts, inputs: Inputs) -> Mapping[str, pd.DataFrame]:
    """The product ``site``."""
    from spi_pipeline.outputs.site.audit import audited
    from spi_pipeline.outputs.site.build import site_files
    from spi_pipeline.outputs.site.downloads import Download
    from spi_pipeline.outputs.site.facts import Facts as Published

    results = results_of(step, contracts, inputs)
    rows = inputs.table("downloads").drop_columns(["content"]).to_pylist() if "downloads" in step.inputs else []
    taken = [Download(row["path"], row["title"], row["holds"], row["kind"], row["bytes"]) for row in rows]
    published = Published(results.file, contracts.root)
    return {SITE: audited(site_files(results, taken), published, {one.path: one.size or 0 for one in taken})}


def _reached_by_templates() -> tuple[Callable[..., Any], ...]:
    """The functions that only templates call: a change to one makes the site stale."""
    from spi_pipeline.outputs.site import drawing, figures, words

    return tuple(
        candidate
        for module in (drawing, figures, words)
        for _, candidate in getmembers(module, isfunction)
        if candidate.__module__ == module.__name__
    )


def _pages(step: Step, table: pa.Table, contracts: Contracts) -> str:
    pages = table.filter(pc.is_valid(table["title"]))
    return sample(pages.select(["title", "transferred", "numbers", "path"]))


def _shows(step: Step, contracts: Contracts, data: PageData) -> Facts:
    """The number and size of the pages, and the map and the likely ranks as pictures."""
    files = data.table(SITE).select(["path", "title", "content", "bytes", "numbers"]).to_pylist()
    content = {row["path"]: row["content"] for row in files}
    pages = [row for row in files if row["title"]]
    pictures = {
        name: picture(content[path], content["static/site.css"] + content["static/theme.css"], where)
        for name, path, where in (
            ("map", "index.html", "//svg[ancestor-or-self::*[@data-map]]"),
            ("likely_ranks", "certainty.html", "//*[contains(@class, 'dots')]//svg"),
        )
        if path in content
    }
    return {
        "folder": data.published / SITE,
        "pages": len(pages),
        "wards": sum(row["path"].startswith("wards/") for row in pages) - 1,
        "megabytes": round(sum(row["bytes"] for row in files) / 1e6, 1),
        "read_back": sum(row["numbers"] for row in pages),
        **{name: Markdown(drawn) for name, drawn in pictures.items() if drawn},
    }


def picture(page: bytes, css: bytes, where: str) -> str:
    """A drawing from a page as a picture in Markdown, with the style it has there; empty if the page has none.

    Args:
        page: the page.
        css: the stylesheet.
        where: the XPath of the drawing in the page; the first match is used.
    """
    from lxml import etree, html

    matches = html.document_fromstring(page).xpath(where)
    if not matches:
        return ""
    drawn = matches[0]
    # Attribute names are lower-case in HTML, but case-sensitive in SVG.
    box = drawn.get("viewbox")
    width, height = box.split()[2:]
    root = etree.Element("svg", xmlns="http://www.w3.org/2000/svg", viewBox=box, width=width, height=height)
    etree.SubElement(root, "style").text = css.decode()
    # Style rules name the classes of elements around the drawing.
    classes = " ".join(one.get("class", "") for one in (drawn, *drawn.iterancestors()))
    inside = etree.SubElement(root, "g", {"class": classes, "font-family": "sans-serif"})
    inside.extend(list(etree.fromstring(etree.tostring(drawn))))
    return svg(etree.tostring(root), drawn.get("aria-label", ""))

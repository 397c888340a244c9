"""The printable report, in a table that is checked before readers see it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import pandas as pd

from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.outputs.database import DATABASE
from spi_pipeline.outputs.files import SITE
from spi_pipeline.steps.inputs import NEXT_TO_CONTRACTS, PACKAGED, Inputs
from spi_pipeline.steps.outputs.readers import OUTPUT, inputs_of, require, results_of
from spi_pipeline.steps.pages.page import Facts, Markdown, Page, PageData
from spi_pipeline.steps.pages.pictures import svg
from spi_pipeline.steps.pages.previews import scores
from spi_pipeline.steps.step import Step

REPORT = "report"
FILE = "report.pdf"
# The layout, and the templates of the pages whose sentences it uses.
LAYOUT = f"{PACKAGED}outputs/report"


def report_steps(contracts: Contracts, steps: Sequence[Step]) -> list[Step]:
    """The step of the product ``report``, if ``SPI_OUTPUTS`` names it.

    Args:
        contracts: all contracts.
        steps: the steps before it.

    Raises:
        SpiError: if a library that it needs is not installed.
    """
    if REPORT not in contracts.outputs:
        return []
    require(REPORT)
    logo = contracts.publication.logo
    return [
        Step(
            name=REPORT,
            kind=OUTPUT,
            group="published",
            inputs=(
                *inputs_of(DATABASE.reads(contracts), steps), "wards", "postcodes", LAYOUT,
                *([f"{NEXT_TO_CONTRACTS}{logo.file}"] if logo else []),
            ),
            outputs=(REPORT,),
            # Its pages quote every contract.
            files=tuple(sorted(contracts.digests)),
            does=report,
            page=Page(shows=_shows),
            title="The printable report",
            description="One tagged PDF (PDF/UA-1): a summary of the town, and two pages on each ward.",
            bounds=True,
            tool="pdf",
        )
    ]  # fmt: skip


def report(step: Step, contracts: Contracts, inputs: Inputs) -> Mapping[str, pd.DataFrame]:
    """The product ``report``."""
    from spi_pipeline.outputs.places import place_beside_figure
    from spi_pipeline.outputs.report.audit import audited
    from spi_pipeline.outputs.report.build import report as build_report
    from spi_pipeline.outputs.report.content import content as report_content
    from spi_pipeline.outputs.report.pictures import ward_map
    from spi_pipeline.outputs.site.pages.page import Site

    results = results_of(step, contracts, inputs)
    content, site = build_report(results), Site(results)
    findings = audited(content, [ward.name for ward in results.wards])
    # Its text, one string a line, since the finished file holds glyphs.
    places = place_beside_figure("report.json", json.dumps(report_content(site), indent=0, ensure_ascii=False).encode())
    row = {"path": FILE, "content": content, "bytes": len(content), "map": ward_map(site), "placed": places, **findings}
    return {REPORT: pd.DataFrame([row])}


def _shows(step: Step, contracts: Contracts, data: PageData) -> Facts:
    """The path and size of the report, and the map and ranking of its summary."""
    [row] = data.table(REPORT).select(["bytes", "pages", "map"]).to_pylist()
    folder = data.published
    pictures = {"map": Markdown(svg(row["map"].encode(), "Scores by ward"))} if row["map"] else {}
    return {
        **pictures,
        "ranking": Markdown(scores(data.table("score"), contracts, contracts.framework.id)),
        "file": folder / (SITE if SITE in contracts.outputs else "") / FILE,
        "pages": row["pages"],
        "megabytes": round(row["bytes"] / 1e6, 1),
    }

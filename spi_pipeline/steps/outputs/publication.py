"""The publication: every output built from one consistent set of tables, replaced together or not at all."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa

from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.outputs.database import DATABASE
from spi_pipeline.outputs.files import build_files, files_of
from spi_pipeline.outputs.output import Output
from spi_pipeline.outputs.queries import reading
from spi_pipeline.steps.inputs import Inputs
from spi_pipeline.steps.outputs.readers import OUTPUT, inputs_of, rows_of
from spi_pipeline.steps.pages.markdown import markdown
from spi_pipeline.steps.pages.page import Facts, Markdown, Page, PageData, source_facts
from spi_pipeline.steps.step import Step, products
from spi_pipeline.storage.places import PUBLICATION

# In the order of writing: downloads link to the database.
OUTPUTS: tuple[Output, ...] = (DATABASE, files_of("downloads"), files_of("site"), files_of("report"))


def publication_step(contracts: Contracts, steps: Sequence[Step]) -> Step:
    """The last step, after all others.

    Args:
        contracts: all contracts.
        steps: the other steps, whose tables are the parts of products.
    """
    wanted = list(dict.fromkeys(name for output in OUTPUTS for name in output.reads(contracts)))
    return Step(
        name="outputs",
        kind=PUBLICATION,
        group="published",
        inputs=inputs_of(wanted, steps),
        outputs=(PUBLICATION,),
        # A rejected page does not hold up the figures; the last good site stays alongside them.
        optional=tuple(name for step in steps if step.kind == OUTPUT for name in step.outputs),
        files=("framework.yaml", "context.yaml", "publication.yaml", *products(*sorted(wanted))),
        does=publication,
        uses=(DATABASE.build, build_files),
        page=Page(about=_about, shows=_shows),
        title="What readers see",
        description="The database and the other outputs that the settings name, built from one consistent set of "
        "table versions and replaced together.",
        bounds=True,
        tool="duckdb",
    )


def publication(step: Step, contracts: Contracts, inputs: Inputs) -> Mapping[str, Any]:
    """A function that writes every output into a folder."""
    wanted = dict.fromkeys(name for output in OUTPUTS for name in output.reads(contracts))
    present = [name for name in wanted if name not in step.optional or inputs[name] is not None]
    tables = {name: rows_of(name, step, contracts, inputs) for name in present}
    return {PUBLICATION: partial(_build, contracts, tables)}


def _build(contracts: Contracts, tables: Mapping[str, pa.Table], folder: Path) -> None:
    for output in OUTPUTS:
        output.build(contracts, {name: tables[name] for name in output.reads(contracts) if name in tables}, folder)


def _about(step: Step, contracts: Contracts) -> Facts:
    facts = source_facts(list(contracts.sources), contracts)
    return {name: fact for name, fact in facts.items() if name in ("licence", "restrictions")}


def _shows(step: Step, contracts: Contracts, data: PageData) -> Facts:
    """The tables and views of the database."""
    names = DATABASE.reads(contracts)
    with reading(data.database) as connection:
        counts = {name: connection.execute(f'SELECT count(*) FROM "{name}"').fetchall()[0][0] for name in names}
        views = connection.execute("SELECT view_name, comment FROM duckdb_views() WHERE NOT internal").fetchall()
    rows = [{"table": n, "rows": f"{counts[n]:,}", "holds": contracts.products[n].title} for n in names]
    rows += [{"table": name, "rows": "a view", "holds": comment.partition(":")[0]} for name, comment in views]
    return {
        "file": data.database,
        "megabytes": round(data.database.stat().st_size / 1e6, 1),
        "tables": Markdown(markdown(rows)),
    }

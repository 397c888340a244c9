"""What readers see: every output made from one consistent set of tables, swapped in together or not at all."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa

from spi_pipeline.contracts.arrow import arrow_schema
from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.outputs.database import DATABASE
from spi_pipeline.outputs.output import Output
from spi_pipeline.outputs.queries import reading
from spi_pipeline.steps.inputs import RECORDS, Inputs
from spi_pipeline.steps.pages.markdown import markdown
from spi_pipeline.steps.pages.page import Facts, Look, Markdown, Page, rests_on
from spi_pipeline.steps.step import Step, products
from spi_pipeline.storage.places import PUBLICATION

OUTPUTS: tuple[Output, ...] = (DATABASE,)
# Products that no step writes: what each run leaves behind.
RECORDED = ("check_result", "source_release")


def publication_step(contracts: Contracts, steps: Sequence[Step]) -> Step:
    """The last step, after all others.

    Args:
        contracts: all contracts.
        steps: the others, whose tables are the parts of products.
    """
    wanted = list(dict.fromkeys(name for output in OUTPUTS for name in output.reads(contracts)))
    tables = tuple(table for step in steps for table in step.outputs if table.split(".")[0] in wanted)
    return Step(
        name="outputs",
        kind=PUBLICATION,
        group="published",
        inputs=(*tables, *(f"{RECORDS}{name}" for name in RECORDED if name in wanted)),
        outputs=(PUBLICATION,),
        files=products(*sorted(wanted)),
        does=publication,
        uses=tuple(output.build for output in OUTPUTS),
        page=Page(about=_about, shows=_shows),
        title="What readers see",
        description="The database, rebuilt from one consistent set of table versions and swapped in whole.",
        bounds=True,
        tool="duckdb",
    )


def publication(step: Step, contracts: Contracts, inputs: Inputs) -> Mapping[str, Any]:
    """A function that writes every output into a folder."""
    wanted = dict.fromkeys(name for output in OUTPUTS for name in output.reads(contracts))
    tables = {name: _rows(name, step, contracts, inputs) for name in wanted}
    return {PUBLICATION: partial(_build, contracts, tables)}


def _build(contracts: Contracts, tables: Mapping[str, pa.Table], folder: Path) -> None:
    for output in OUTPUTS:
        output.build(contracts, {name: tables[name] for name in output.reads(contracts)}, folder)


def _rows(product: str, step: Step, contracts: Contracts, inputs: Inputs) -> pa.Table:
    """All parts of a product, or what runs recorded."""
    schema = arrow_schema(contracts.products[product])
    if product in RECORDED:
        recorded: pa.Table | None = inputs[f"{RECORDS}{product}"]
        return schema.empty_table() if recorded is None else recorded
    tables = [
        inputs.table(name).replace_schema_metadata(None).cast(schema)
        for name in step.inputs
        if name.split(".")[0] == product
    ]
    return pa.concat_tables(tables) if tables else schema.empty_table()


def _about(step: Step, contracts: Contracts) -> Facts:
    return {"licence": rests_on(list(contracts.sources), contracts)["licence"]}


def _shows(step: Step, contracts: Contracts, look: Look) -> Facts:
    """What readers find in the database."""
    names = DATABASE.reads(contracts)
    with reading(look.database) as connection:
        counts = {name: connection.execute(f'SELECT count(*) FROM "{name}"').fetchall()[0][0] for name in names}
    rows = [{"table": n, "rows": f"{counts[n]:,}", "holds": contracts.products[n].title} for n in names]
    return {
        "file": look.database,
        "megabytes": round(look.database.stat().st_size / 1e6, 1),
        "tables": Markdown(markdown(rows)),
    }

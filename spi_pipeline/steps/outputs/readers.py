"""Whole products and the database that holds them, built from the inputs of a step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pyarrow as pa

from spi_pipeline.contracts.arrow import arrow_schema
from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.outputs.database import DATABASE
from spi_pipeline.rules.places import PLACE
from spi_pipeline.steps.inputs import RECORDS, Inputs
from spi_pipeline.steps.step import Step
from spi_pipeline.storage.places import DATABASE as FILE

if TYPE_CHECKING:
    from spi_pipeline.outputs.site.results import Results

# The kind of steps that build outputs. The results of their own rules are recorded separately: outputs show the results
# of all other rules, and would otherwise be rebuilt for ever.
OUTPUT = "output"
# Products that no step writes: the records of runs.
RECORDED = ("check_result", "source_release", "outside_total")
# The libraries that an output needs, which are installed with an extra.
LIBRARIES = {
    "downloads": ("gptables",),
    "report": ("typst", "pikepdf", "font_source_sans_pro", "markupsafe"),
    "site": ("jinja2", "lxml"),
}


def inputs_of(names: Sequence[str], steps: Sequence[Step]) -> tuple[str, ...]:
    """The inputs that some products are built from.

    Args:
        names: the products.
        steps: the steps before, whose tables are the parts of products.
    """
    tables = tuple(table for step in steps for table in step.outputs if table.split(".")[0] in names)
    return (*tables, *(f"{RECORDS}{name}" for name in RECORDED if name in names))


def rows_of(product: str, step: Step, contracts: Contracts, inputs: Inputs) -> pa.Table:
    """All parts of a product that a step reads, or the records of runs."""
    schema = arrow_schema(contracts.products[product])
    if product in RECORDED:
        recorded: pa.Table | None = inputs[f"{RECORDS}{product}"]
        return schema.empty_table() if recorded is None else _without_places(recorded)
    tables = [
        inputs.table(name).replace_schema_metadata(None).cast(schema)
        for name in step.inputs
        if name.split(".")[0] == product
    ]
    return pa.concat_tables(tables) if tables else schema.empty_table()


def _without_places(recorded: pa.Table) -> pa.Table:
    """Records without the postcodes and points that they quote, since no rule checks the records of runs."""
    import pyarrow.compute as pc

    for at, field in enumerate(recorded.schema):
        if pa.types.is_string(field.type):
            recorded = recorded.set_column(at, field, pc.replace_substring_regex(recorded[at], PLACE, "[a place]"))
    return recorded


def results_of(step: Step, contracts: Contracts, inputs: Inputs) -> Results:
    """The results to be published, read from a database like that of readers; it is built once for all outputs."""
    names = DATABASE.reads(contracts)

    def build() -> TemporaryDirectory[str]:
        folder: TemporaryDirectory[str] = TemporaryDirectory()
        DATABASE.build(contracts, {name: rows_of(name, step, contracts, inputs) for name in names}, Path(folder.name))
        return folder

    tables = tuple(name for name in step.inputs if name.split(".")[0].removeprefix(RECORDS) in names)
    folder = inputs.derived("database", tables, build)
    return results_in(Path(folder.name) / FILE, contracts, inputs.table)


def results_in(database: Path, contracts: Contracts, read: Callable[[str], pa.Table]) -> Results:
    """The results in a database, with the boundaries and postcodes of its wards.

    Args:
        database: the file.
        contracts: the contracts it was built with.
        read: returns a table of the store by its name.
    """
    from spi_pipeline.outputs.site.results import Results

    boundaries = read("wards").select(["area_code", "geometry"]).to_pandas()
    postcodes = read("postcodes").select(["postcode", "ward_code"]).to_pandas()
    return Results.of_database(database, boundaries, contracts, postcodes)


def require(output: str) -> None:
    """Reject an output before anything is computed for it.

    Raises:
        SpiError: if a library that it needs is not installed.
    """
    if absent := [name for name in LIBRARIES[output] if find_spec(name) is None]:
        raise SpiError(
            f"the output {output} needs {absent[0]}, which is not installed; run pip install "
            f"'spi-pipeline[{'report' if output == 'report' else 'site'}]', or leave it out"
        )

"""Nomis's bulk zips of Census 2021 tables (sources.md, section 1.6), in the two styles they come in.

Names of members, their order, headers, quotes and the columns before the categories come from nine zips as Nomis
served them (TS001, 011, 037, 038, 041, 045, 046, 054, 067) or extracts of them (044, 063). TS003, 004, 007A, 008, 017,
021, 029, 039, 052 and 066 follow public code that reads them: 066 both with and without a space after its colons.
"""

from __future__ import annotations

from functools import cache

from spi_pipeline_tests.imitations.messages import Request, Response, csv_text, not_found, zipped
from spi_pipeline_tests.imitations.publishers.nomis import census
from spi_pipeline_tests.imitations.tables import areas

# No zip has a ward file. Members are not in order of area size.
_LEVELS = {"ctry": "ctry", "lsoa": "lsoa", "ltla": "ltla", "msoa": "msoa", "oa": "oa", "rgn": "rgn", "utla": "ltla"}


def respond(request: Request) -> Response:
    """census2021-ts0NN.zip."""
    name = request.path.rpartition("/")[2]
    wanted = {f"census2021-{table.name.lower()}.zip": dataset for dataset, table in census.TABLES.items()}
    if name not in wanted:
        return not_found(request)
    return Response(200, _zip(wanted[name]), "application/x-zip-compressed", validators=False, compress=False)


@cache
def _zip(dataset: str) -> bytes:
    table = census.TABLES[dataset]
    stem = f"census2021-{table.name.lower()}"
    members = {f"{stem}-{ending}.csv": _csv(dataset, level) for ending, level in _LEVELS.items()}
    note = f"{table.name} {table.title}\nInvented and embedded figures of a local publisher.\n"
    return zipped({f"metadata/{table.name.lower()}-2021-1.txt": note, **members})


def _csv(dataset: str, level: str) -> str:
    table = census.TABLES[dataset]
    counts = census.by_level(census.counts(dataset), level)
    suffix = "; measures: Value" if table.quoted else ""
    labels = [f"{table.variable}: {category.label}{suffix}" for category in table.categories]
    names = areas().table.name
    year = "2021" if table.quoted else 2021
    rows = [[year, names[code], code, *row] for code, row in zip(counts.index, counts.to_numpy().tolist(), strict=True)]
    return csv_text(["date", "geography", "geography code", *labels], rows, quoted=table.quoted)

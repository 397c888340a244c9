"""The cost of reading the police's files, compared with a bare DuckDB scan of the same bytes and with pandas.

    python -m spi_pipeline_tests.benchmarks.live ../shared/data

takes the 1.77 million crimes of 41 forces and the 36 months of Bedfordshire from that folder and writes them as the CSV
files that data.police.uk publishes, one for each force and month. It prints CPU seconds, wall seconds and peak memory
of parsing, checking and adding them up (Luton's crimes by point to wards, all others by LSOA), of the two peers, and of
files one and eight times as long. It asserts nothing.
"""

from __future__ import annotations

import gzip
import sys
import tempfile
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute
import pyarrow.csv as pv
import pyarrow.parquet as pq

from spi_pipeline_tests.benchmarks.refresh import measure

ALL_FORCES = "police/street_2018-10_2019-02_41_forces_no_crime_id.parquet"
ONE_FORCE = "police/bedfordshire_street"
SCAN = 'SELECT "Month", "Crime type", "LSOA code", count(*) FROM read_csv(\'{}/*.csv\', all_varchar=true) GROUP BY ALL'


def ours(folder: Path) -> None:
    """Parse every file of a folder, check the counts against the contract, and add them up."""
    from spi_pipeline.contracts.arrow import to_arrow
    from spi_pipeline.contracts.loader import load_contracts
    from spi_pipeline.geography.points import place_points
    from spi_pipeline.publishers.police.files import parse_street_crime
    from spi_pipeline.rules.evaluation import evaluate
    from spi_pipeline.settings import Settings
    from spi_pipeline.snapshot.embedded import read_embedded

    frames = []
    for file in sorted(folder.glob("*.csv")):
        with file.open("rb") as stream:
            frames.append(parse_street_crime(stream, file.name))
    counts = pd.concat(frames, ignore_index=True)
    contracts = load_contracts(Settings().contracts)
    source = contracts.sources["street_crime"]
    results = evaluate(to_arrow(counts, source), source.rules, table_name=source.id)
    failed_rules = ", ".join(result.rule.id for result in results if result.outcome == "failed")
    wards = read_embedded(Settings().snapshot, "wards").table.to_pandas()
    place = place_points(
        counts["longitude"], counts["latitude"], wards.rename(columns={"authority_code": "parent_code"})
    )
    where = pd.Series(place, index=counts.index).fillna(counts["lsoa_code"])
    totals = counts.groupby(["month", "crime_type", where.rename("area_code")], dropna=False)["crimes"].sum()
    print(f"{int(counts['crimes'].sum()):,} crimes in {len(totals):,} cells, failed: {failed_rules or 'none'}")


def by_pandas(folder: Path) -> None:
    """Compute the same counts with pandas alone, without checks."""
    frame = pd.concat(pd.read_csv(file, dtype=str) for file in sorted(folder.glob("*.csv")))
    frame.groupby(["Month", "Crime type", "Longitude", "Latitude", "LSOA code"], dropna=False).size()


def by_duckdb(folder: Path) -> None:
    """Scan the same bytes with DuckDB alone."""
    import duckdb

    duckdb.sql(SCAN.format(folder)).fetchall()


def write_out(data: Path, folder: Path) -> dict[str, Path]:
    """Write the CSV files to read; returns their folders by description."""
    folders = {
        name: folder / name for name in ("41 forces", "36 months of one force", "one long file", "eight times it")
    }
    for path in folders.values():
        path.mkdir()
    for file in sorted((data / ONE_FORCE).glob("2021-*")) + sorted((data / ONE_FORCE).glob("202[234]-*")):
        (folders["36 months of one force"] / file.stem).write_bytes(gzip.decompress(file.read_bytes()))
    table = pq.read_table(data / ALL_FORCES)
    blank = pa.nulls(table.num_rows, pa.string())
    table = table.add_column(0, "Crime ID", blank).append_column("Context", blank)
    forces = table.group_by(["Month", "Reported by"]).aggregate([]).to_pylist()
    options = pv.WriteOptions(quoting_style="none")
    for number, force in enumerate(forces):
        both = (pa.compute.equal(table[name], force[name]) for name in ("Month", "Reported by"))
        chosen = table.filter(pa.compute.and_(*both))
        pv.write_csv(_unquoted(chosen), folders["41 forces"] / f"{force['Month']}-{number}-street.csv", options)
    month = _unquoted(table.filter(pa.compute.equal(table["Month"], "2018-10")))
    pv.write_csv(month, folders["one long file"] / "2018-10-street.csv", options)
    pv.write_csv(pa.concat_tables([month] * 8), folders["eight times it"] / "2018-10-street.csv", options)
    return folders


def _unquoted(table: pa.Table) -> pa.Table:
    """The publisher's files use no quotes, so commas, quotes and line ends in place names become blanks."""
    cleaned = [pa.compute.replace_substring_regex(column, r'[,"\r\n]', " ") for column in table.columns]
    return pa.table(cleaned, names=table.column_names)


def main() -> None:
    """Measure and print; given a reader's name and a folder, run that reader, which is how each is measured."""
    if sys.argv[1] in (readers := {"ours": ours, "pandas": by_pandas, "duckdb": by_duckdb}):
        readers[sys.argv[1]](Path(sys.argv[2]))
        return
    with tempfile.TemporaryDirectory() as folder:
        print(f"{'':<36}{'MB':>7}{'CPU s':>8}{'wall s':>8}{'peak MB':>9}")
        for name, path in write_out(Path(sys.argv[1]), Path(folder)).items():
            size = sum(file.stat().st_size for file in path.iterdir()) / 1e6
            for reader in readers:
                cost = measure(["-m", "spi_pipeline_tests.benchmarks.live", reader, str(path)], {})
                figures = f"{size:>7.0f}{cost.cpu_seconds:>8.1f}{cost.wall_seconds:>8.1f}{cost.peak_mb:>9.0f}"
                print(f"{f'{name}, {reader}':<36}{figures}", flush=True)


if __name__ == "__main__":
    main()

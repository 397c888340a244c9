"""Writes the output of ``spi score``: the scores and the tables of the analysis.

This module sets formats and file names; the engine computes the tables.
"""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq

from spi_pipeline.cli.console import write_atomically
from spi_pipeline.cli.score.command import ScoreRun
from spi_pipeline.cli.score.read import InputError
from spi_pipeline.cli.score.workbook import workbook_bytes
from spi_pipeline.contracts.errors import Fault, SpiError
from spi_pipeline.engine.analysis import correlations, importance, leave_one_out, statistics
from spi_pipeline.engine.calculate.score import Scores
from spi_pipeline.engine.peers import CARD_COLUMNS, nearest_peers, scorecard


def check_target(file: Path, inputs: Sequence[Path]) -> None:
    """Refuse a target that cannot or must not be written, before anything is computed.

    Args:
        file: the file to be written.
        inputs: the files that are read.

    Raises:
        InputError: if its name ends in none of the three suffixes, its folder does not exist, or it is one of the
            inputs under any name.
    """
    if file.suffix not in (".csv", ".parquet", ".xlsx"):
        raise InputError(
            [Fault(file.name, 0, "is not a .csv, .parquet or .xlsx file: name the output as one of these")]
        )
    if not file.absolute().parent.is_dir():
        raise InputError([Fault(str(file), 0, f"there is no folder {file.parent}: create it first")])
    for source in inputs:
        if _same(file, source):
            raise InputError(
                [Fault(str(file), 0, f"--out would overwrite the input file {source}: name another output")]
            )


def check_folder(folder: Path, inputs: Sequence[Path]) -> None:
    """Refuse a folder for the details that holds an input under any name: a table could overwrite it.

    Raises:
        InputError: if the folder holds an input.
    """
    for source in inputs:
        if folder.is_dir() and any(_same(file, source) for file in folder.iterdir()):
            raise InputError([Fault(str(folder), 0, f"holds the input {source}: name a folder only for the details")])


def _same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:  # one of them does not exist
        return False


def write_scores(outcome: ScoreRun, file: Path) -> None:
    """Write the scores as CSV or Parquet, or with further tables as a workbook; the whole file or none.

    Raises:
        SpiError: if the file cannot be written.
    """
    if file.suffix == ".xlsx":
        sheets = {
            "scores": outcome.table,
            "weights": outcome.scores.weights(),
            "contributions": _contributions(outcome.scores),
            "statistics": _statistics(outcome.scores),
            "notes": _notes(outcome),
        }
        write_atomically(workbook_bytes(sheets), file)
    elif file.suffix == ".csv":
        write_atomically(csv_bytes(outcome.table), file)
    else:
        sink = io.BytesIO()
        pq.write_table(_plain(outcome.table), sink)
        write_atomically(sink.getbuffer(), file)


def csv_bytes(table: pd.DataFrame) -> bytes:
    """The table as CSV: a heading, one line per row, missing values blank, quotation marks only where needed."""
    plain = _plain(table)
    sink = io.BytesIO()
    sink.write((",".join(plain.column_names) + "\n").encode())
    try:
        pc.write_csv(plain, sink, pc.WriteOptions(include_header=False, quoting_style="none"))
    except pa.ArrowInvalid:  # a code with a comma or a quotation mark in it
        return table.to_csv(index=False, lineterminator="\n").encode()
    return sink.getvalue()


def write_details(outcome: ScoreRun, folder: Path) -> None:
    """Write every table of the analysis as CSV into a folder, created if it does not exist.

    Raises:
        SpiError: if a file cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SpiError(f"{folder} cannot be written: {error.strerror or error}") from error
    for name, table in _tables(outcome).items():
        write_atomically(csv_bytes(table), folder / f"{name}.csv")


def _tables(outcome: ScoreRun) -> dict[str, pd.DataFrame]:
    scores = outcome.scores
    indicators = scores.indicators
    formed = {parent: formed for parent, formed in scores.aggregations.items() if formed.children.shape[1] > 1}
    pairs = {parent: correlations(one.children) for parent, one in formed.items()}
    explained = {parent: importance(one.children, scores.scores[parent]) for parent, one in formed.items()}
    tables = {
        "weights": scores.weights(),
        "statistics": _statistics(scores),
        "correlations": _stacked(pairs, "parent_id", ["id", "other", "correlation", "flag"]),
        "importance": _stacked({key: one.rename("share").rename_axis("id").reset_index() for key, one in
                                explained.items()}, "parent_id", ["id", "share"]),
        "contributions": _contributions(scores),
        "scorecard": _scorecard(scores),
        "leave_one_out": leave_one_out(scores.task).rename_axis("id").reset_index(),
        "imputed": indicators.cells,
        "treated": indicators.points,
        "suppressed": indicators.suppressed,
        "shrunk": indicators.shrunk,
    }  # fmt: skip
    if outcome.uncertainty is not None:
        uncertainty = outcome.uncertainty
        tables["intervals"] = uncertainty.intervals
        tables["draws"] = uncertainty.parameters.reset_index()
        tables["varied"] = uncertainty.sources()
        tables["pairs"] = _stacked(
            {key: _pairs(one) for key, one in uncertainty.pairs.items()}, "edition", ["area_code", "other", "above"]
        )
    if outcome.sensitivity is not None:
        tables["sensitivity"] = outcome.sensitivity
    return tables


def _contributions(scores: Scores) -> pd.DataFrame:
    parts = {key: _long(one.contributions()) for key, one in scores.aggregations.items()}
    return _stacked(parts, "parent_id", ["edition", "area_code", "id", "contribution"])


def _notes(outcome: ScoreRun) -> pd.DataFrame:
    """Notes for a reader of the workbook: title, method, the engine's notes and the sources of uncertainty varied."""
    rows = [("title", outcome.title), *(("computed", line) for line in outcome.explained)]
    rows += [("note", note) for note in outcome.scores.notes]
    if outcome.uncertainty is not None:
        rows += [("varied" if one.varied else "not varied", f"{one.source}: {one.how}")
                 for one in outcome.uncertainty.varied]  # fmt: skip
    return pd.DataFrame(rows, columns=["what", "said"])


def _statistics(scores: Scores) -> pd.DataFrame:
    """Descriptive statistics of each indicator, with its declared goalposts."""
    elements = scores.task.structure.elements
    table = statistics(scores.task.values.panel, applies=scores.task.values.applies)
    ends = {end: [getattr(elements[name], end) for name in table.index] for end in ("worst", "best")}
    return table.assign(**ends).rename_axis("id").reset_index()


def _scorecard(scores: Scores) -> pd.DataFrame:
    """Compare every area with those nearest in standing, edition by edition; empty if no standing is given."""
    values, parts = scores.task.values, []
    if values.standing is not None:
        inside = scores.scores if values.fitted is None else scores.scores[values.fitted]
        for edition in inside.index.unique(level="edition"):
            rows = inside.loc[edition]
            group = None if values.group is None else values.group.loc[edition].reindex(rows.index)
            peers = nearest_peers(values.standing.loc[edition].reindex(rows.index), group)
            parts.append(scorecard(rows, peers).assign(edition=edition))
    columns = ["edition", *CARD_COLUMNS]
    return pd.concat(parts)[columns] if parts else pd.DataFrame(columns=columns)


def _long(parts: pd.DataFrame) -> pd.DataFrame:
    table = parts.reset_index().melt(["edition", "area_code"], var_name="id", value_name="contribution")
    return table[table["contribution"].notna()]


def _pairs(above: pd.DataFrame) -> pd.DataFrame:
    table = above.rename_axis(index="area_code", columns="other").reset_index()
    return table.melt("area_code", value_name="above").query("area_code != other")


def _stacked(tables: Mapping[Any, pd.DataFrame], name: str, columns: list[str]) -> pd.DataFrame:
    parts = [table.assign(**{name: str(key)}) for key, table in tables.items()]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=[*columns, name])


def _plain(table: pd.DataFrame) -> pa.Table:
    """Convert to an Arrow table, with codes as plain text."""
    built = pa.Table.from_pandas(table, preserve_index=False).replace_schema_metadata()
    for position, field in enumerate(built.schema):
        if pa.types.is_dictionary(field.type):
            built = built.set_column(position, field.name, built.column(position).cast(field.type.value_type))
    return built

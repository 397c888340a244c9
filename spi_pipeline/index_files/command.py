"""What ``spi score`` does: two files in, one table out, and a summary for people or programs.

The order of the steps and the form of the output belong here; the arithmetic is in the engine.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.engine.doubt import Varied
from spi_pipeline.engine.errors import EngineError
from spi_pipeline.engine.explain import explain_profile
from spi_pipeline.engine.faults import FrameworkError
from spi_pipeline.engine.score import Scores, score_framework
from spi_pipeline.engine.uncertainty import Uncertainty, simulate, with_intervals
from spi_pipeline.index_files.read import located, read_framework, read_table


@dataclass(frozen=True)
class Outcome:
    """An index computed from files.

    Attributes:
        title: the framework's title.
        scores: everything the engine returned.
        table: the rows to write: area_code, edition, level, id, score, rank, rank_low, rank_high, coverage.
        uncertainty: what the draws say; None where none were asked for.
    """

    title: str
    scores: Scores
    table: pd.DataFrame
    uncertainty: Uncertainty | None

    def summary(self) -> dict[str, Any]:
        """Weights, fit, filled cells, treated points and notes, ready for JSON."""
        weights = self.scores.weights()
        fit = weights.drop_duplicates("parent_id")[["level", "parent_id", "n", "alpha", "kmo", "pc1_share"]]
        return {
            "title": self.title,
            "profile": self.scores.task.recipe.profile,
            "weights": _records(weights[["level", "parent_id", "id", "weight", "effective_weight", "basis"]]),
            "fit": _records(fit),
            "imputed": _records(self.scores.indicators.cells),
            "treated": _records(self.scores.indicators.points),
            "notes": self.scores.notes,
            "varied": [] if self.uncertainty is None else [_varied(entry) for entry in self.uncertainty.varied],
        }


def score_files(framework: Path, values: Path, profile: str | None = None, draws: int = 0, seed: int = 0) -> Outcome:
    """Compute the index of a framework file from a file of values.

    Args:
        framework: YAML, as the documentation describes.
        values: CSV or Parquet: area_code, edition, indicator_id, value and optional columns.
        profile: a profile to use in place of the framework's.
        draws: recalculations behind the rank intervals of the aggregated elements; 0 leaves these empty.
        seed: of the draws.

    Raises:
        ContractError: every fault of both files, with file and line.
        SpiError: a file cannot be read, or a method cannot be applied to the values.
    """
    document = read_framework(framework)
    table = read_table(values)
    try:
        scores = score_framework(document.data, table, profile)
        uncertainty = simulate(scores, draws, seed) if draws else None
    except FrameworkError as error:
        raise located(error, document, values) from error
    except EngineError as error:
        raise SpiError(f"{framework.name} with {values.name}: {error}") from error
    return Outcome(str(document.data.get("title") or framework.stem), scores, _tidy(scores, uncertainty), uncertainty)


def write_table(table: pd.DataFrame, file: Path) -> None:
    """Write the scores as CSV or Parquet.

    Raises:
        SpiError: the name ends in neither, or the file cannot be written.
    """
    try:
        if file.suffix == ".parquet":
            table.to_parquet(file, index=False)
        elif file.suffix == ".csv":
            table.to_csv(file, index=False)
        else:
            raise SpiError(f"{file.name} is neither .csv nor .parquet: name the output as one of these")
    except OSError as error:
        raise SpiError(f"{file} cannot be written: {error.strerror or error}") from error


def explain(name: str) -> str:
    """A profile in words with formulas.

    Raises:
        SpiError: there is no such profile.
    """
    try:
        return explain_profile(name)
    except EngineError as error:
        raise SpiError(str(error)) from error


def _tidy(scores: Scores, uncertainty: Uncertainty | None) -> pd.DataFrame:
    """The table with whole ranks as whole numbers."""
    table = scores.table()
    if uncertainty is not None:
        table = with_intervals(table, uncertainty)
    names = ["rank", "rank_low", "rank_high"]
    whole = scores.task.recipe.ties == "min"
    return table.astype(dict.fromkeys(names, "Int64")) if whole else table


def _varied(entry: Varied) -> dict[str, Any]:
    return {"source": entry.source, "varied": entry.varied, "how": entry.how}


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as plain Python, what is missing as None."""
    rows: list[dict[str, Any]] = json.loads(table.to_json(orient="records", double_precision=15))
    return rows

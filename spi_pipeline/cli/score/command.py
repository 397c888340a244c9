"""The work of ``spi score``: two files in, an index out, and a summary for people or programs.

This module sets the order of the steps and the form of the summary. The engine does the arithmetic; ``read`` and
``write`` handle the files.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from spi_pipeline.cli.score.read import InputError, located, read_inputs
from spi_pipeline.contracts.errors import Fault, SpiError
from spi_pipeline.contracts.reading.documents import read_document
from spi_pipeline.engine import EngineError, FrameworkError, draw, explain, score
from spi_pipeline.engine.calculate.score import Scores
from spi_pipeline.engine.framework.explain import explain_profile
from spi_pipeline.engine.framework.profiles import PROFILES
from spi_pipeline.engine.uncertainty.model import Progress
from spi_pipeline.engine.uncertainty.sensitivity import sensitivity
from spi_pipeline.engine.uncertainty.simulate import Uncertainty, with_intervals
from spi_pipeline.engine.uncertainty.source import Varied

FIT = ["level", "parent_id", "n", "alpha", "kmo", "pc1_share"]
WEIGHT = ["level", "parent_id", "id", "weight", "effective_weight", "method"]


@dataclass(frozen=True)
class ScoreRun:
    """An index computed from files.

    Attributes:
        title: the framework's title.
        explained: how it was computed, in sentences.
        scores: everything the engine returned.
        table: the rows to write: area_code, edition, level, id, score, rank, rank_low, rank_high, coverage.
        uncertainty: results of the draws; None if no draws were requested.
        sensitivity: Sobol indices of every source of uncertainty; None if not requested.
    """

    title: str
    explained: list[str]
    scores: Scores
    table: pd.DataFrame
    uncertainty: Uncertainty | None
    sensitivity: pd.DataFrame | None

    def summary(self) -> dict[str, Any]:
        """Weights, fit, filled cells, treated points, notes and varied sources of uncertainty, ready for JSON."""
        weights, indicators = self.scores.weights(), self.scores.indicators
        fit = weights.drop_duplicates("parent_id")[FIT]
        return {
            "title": self.title,
            "profile": self.scores.task.recipe.profile,
            "levels": self.scores.task.structure.levels,
            "weights": _records(weights[WEIGHT]),
            "fit": _records(fit),
            "imputed": _records(indicators.cells),
            "treated": _records(indicators.points),
            "suppressed": _records(indicators.suppressed),
            "shrunk": _records(indicators.shrunk),
            "notes": self.scores.notes,
            "varied": [] if self.uncertainty is None else [_varied(entry) for entry in self.uncertainty.varied],
            "sensitivity": [] if self.sensitivity is None else _records(self.sensitivity),
        }


def score_files(
    framework: Path, values: Path, profile: str | None = None, draws: int = 0, seed: int = 0, sobol: int = 0,
    progress: Progress | None = None,
) -> ScoreRun:  # fmt: skip
    """Compute the index of a framework file from a file of values.

    Args:
        framework: YAML file, see docs/score.md.
        values: CSV, Parquet or Excel file: area_code, edition, indicator_id, value and optional columns.
        profile: a profile to use in place of the framework's.
        draws: recalculations behind the rank intervals; 0 leaves these empty.
        seed: seed of the draws.
        sobol: base draws behind the Sobol indices of the sources of uncertainty; 0 for none.
        progress: called now and then with the number of draws done and of all draws.

    Raises:
        InputError: with every fault of both files, with file and line.
        SpiError: if a method cannot be applied to the values.
    """
    document, table = read_inputs(framework, values)
    try:
        scores = score(document.data, table, profile)
        uncertainty = draw(scores, draws, seed, progress) if draws else None
        shares = sensitivity(scores, sobol, seed, progress=progress) if sobol else None
    except FrameworkError as error:
        raise located(error, document, values, table) from error
    except EngineError as error:
        raise SpiError(f"{framework.name} with {values.name}: {error}") from error
    title = str(document.data.get("title") or framework.stem)
    table = scores.table() if uncertainty is None else with_intervals(scores.table(), uncertainty)
    explained = explain(document.data, profile).splitlines()
    return ScoreRun(title, explained, scores, table, uncertainty, shares)


def explain_files(framework: Path | None, profile: str | None) -> list[str]:
    """Explain a framework or a profile in words with formulas, one sentence per line; without either, every profile.

    Raises:
        InputError: if the framework has faults or there is no such profile.
    """
    if framework is None:
        try:
            return [explain_profile(name) for name in ([profile] if profile else PROFILES)]
        except EngineError as error:
            raise InputError([Fault("--profile", 0, str(error))]) from error
    faults: list[Fault] = []
    document = read_document(framework, framework.name, faults)
    if faults or document is None:
        raise InputError(faults)
    try:
        return [explain(document.data, profile)]
    except FrameworkError as error:
        raise located(error, document, framework, pd.DataFrame()) from error


def _varied(entry: Varied) -> dict[str, Any]:
    return {"source": entry.source, "varied": entry.varied, "how": entry.how, "assumed": entry.assumed}


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as plain Python values, missing values as None."""
    rows: list[dict[str, Any]] = json.loads(table.to_json(orient="records", double_precision=15))
    return rows

"""The mathematics of composite indices; knows no Luton, no files and nothing of ours.

What a program needs is here: ``read`` or ``check`` a framework and its values, ``score`` them, ``draw`` what may be
doubted anew, ``explain`` how it is computed. ``docs/library.md`` has examples, ``docs/score.md`` says what a framework
and values may hold.

Behind it ``normalise``, ``weights``, ``aggregate`` and ``impute`` hold methods on bare panels. ``framework`` reads what
an index is made of and by which of them it is computed, ``calculate`` computes it, ``uncertainty`` recalculates it with
what may be doubted drawn anew. A part imports those named before it, never one named after. Beside them stand what all
of them need (``errors``, ``panel``), statistics of their own (``intervals`` of counts, ``rank``, ``peers``, ``sanity``)
and the look back at an index computed (``analysis``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from spi_pipeline.engine.errors import EngineError
from spi_pipeline.engine.framework.faults import Fault, FrameworkError

# The functions import what they need: whoever wants the name of a method would otherwise wait for scipy.
if TYPE_CHECKING:
    import pandas as pd

    from spi_pipeline.engine.calculate.score import Scores
    from spi_pipeline.engine.calculate.task import Task
    from spi_pipeline.engine.uncertainty.model import Progress
    from spi_pipeline.engine.uncertainty.simulate import Uncertainty

__all__ = ["EngineError", "Fault", "FrameworkError", "check", "draw", "explain", "read", "score"]


def read(framework: Mapping[str, Any], values: pd.DataFrame, profile: str | None = None) -> Task:
    """A framework and its values, read without a fault.

    Args:
        framework: what the index is made of, as ``yaml.safe_load`` gives it: ``elements`` and, where they differ from
            the defaults, ``levels``, methods and options.
        values: raw values in the indicators' own units, in one of two forms. One row a value: columns ``area_code``,
            ``indicator_id``, ``value`` and any of ``edition``, ``numerator``, ``denominator``, ``lower``, ``upper``,
            ``allocation_error``, ``period``, ``population``, ``group``, ``standing``. Or one row an area:
            ``area_code``, a column for each indicator and any of ``edition``, ``population``, ``group``,
            ``standing``. NaN is missing, ``"not applicable"`` what there can be no value of.
        profile: a profile to use in place of the framework's; ``docs/score.md`` lists them.

    Returns:
        The tree (``structure``), the methods of every element (``recipe``) and the data (``values``: ``panel`` holds
        one row for each edition and area, one column for each indicator in the framework's order).

    Raises:
        FrameworkError: everything wrong with either, in ``faults``.
    """
    from spi_pipeline.engine.calculate.score import read_task

    return read_task(framework, values, profile)


def check(framework: Mapping[str, Any], values: pd.DataFrame, profile: str | None = None) -> list[Fault]:
    """Everything wrong with a framework and its values, nothing where they can be scored.

    Args:
        framework: as of ``read``.
        values: likewise.
        profile: likewise.

    Returns:
        Faults in the order found, each with its place and a sentence: ``("framework", "elements", 3, "worst")``, list
        positions from 0, or ``("values", 7)``, the position of a row from 0.
    """
    try:
        read(framework, values, profile)
    except FrameworkError as error:
        return error.faults
    return []


def score(framework: Mapping[str, Any], values: pd.DataFrame, profile: str | None = None) -> Scores:
    """Compute an index.

    Source: OECD/JRC, Handbook on Constructing Composite Indicators (2008), steps 3 to 6; each method names its own.

    Args:
        framework: as of ``read``.
        values: likewise.
        profile: likewise.

    Returns:
        ``scores`` holds one row for each edition and area and one column for each element, indicators first, the index
        last, from 0 to 100 unless ``scale`` or the method says otherwise, NaN where there is none. ``ranks()`` and
        ``coverage`` (0 to 1) have its shape, ``table()`` one row for each area, edition and element, ``weights()`` one
        for each child of an element; ``notes`` says where another method was used than the one named.

    Raises:
        FrameworkError: everything wrong with framework and values, in ``faults``.
        EngineError: a method cannot be applied to these values.
    """
    from spi_pipeline.engine.calculate.score import score_task

    return score_task(read(framework, values, profile))


def draw(scores: Scores, draws: int = 1000, seed: int = 0, progress: Progress | None = None) -> Uncertainty:
    """Recompute an index many times with what may be doubted drawn anew.

    What is varied, and how far, is stated under ``doubt`` in the framework.

    Source: Saisana, Saltelli and Tarantola (2005), "Uncertainty and sensitivity analysis techniques as tools for the
    quality assessment of composite indicators"; OECD/JRC handbook (2008), step 7.

    Args:
        scores: what ``score`` returned.
        draws: how many times, 20 or more.
        seed: of the draws: the same seed gives the same figures on any number of cores.
        progress: called with the number of draws done and of all, now and then.

    Returns:
        ``intervals`` holds one row for each edition, area and element: 90 % intervals of score and rank, and the
        probability of being among the lowest. ``varied`` says what was varied and why the rest was not, ``parameters``
        what each draw drew, ``pairs`` by edition how probably one area scores above another.

    Raises:
        EngineError: fewer than 20 draws.
    """
    from spi_pipeline.engine.uncertainty.simulate import simulate

    return simulate(scores, draws, seed, progress=progress)


def explain(framework: Mapping[str, Any], profile: str | None = None) -> str:
    """How an index is computed, in words with formulas, one statement a line.

    Args:
        framework: as of ``read``; no values are needed.
        profile: likewise.

    Returns:
        Lines of text: the title, then a statement each.

    Raises:
        FrameworkError: everything wrong with the framework, in ``faults``.
    """
    from spi_pipeline.engine.framework.explain import explain_framework

    return explain_framework(framework, profile)

"""The mathematics of composite indices, independent of Luton, of files and of the rest of the project.

Programs need only the functions of this module: ``read`` or ``check`` a framework and its values, ``score`` them,
``draw`` to simulate uncertainty, ``explain`` how the index is computed. ``docs/library.md`` has examples;
``docs/score.md`` describes what a framework and values may contain.

Behind them, ``normalise``, ``weights``, ``aggregate`` and ``impute`` hold methods on plain panels. ``framework`` reads
the structure of an index and the methods it names, ``calculate`` computes it, and ``uncertainty`` recomputes it many
times with its sources of uncertainty drawn at random. Each part imports only the parts named before it. The other
modules are shared by all parts (``errors``, ``panel``), hold statistics of their own (``intervals`` of counts,
``rank``, ``peers``, ``sanity``) or analyse a computed index (``analysis``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from spi_pipeline.engine.errors import EngineError
from spi_pipeline.engine.framework.faults import Fault, FrameworkError

# The functions import what they need, so that a program that only wants the name of a method need not wait for scipy.
if TYPE_CHECKING:
    import pandas as pd

    from spi_pipeline.engine.calculate.score import Scores
    from spi_pipeline.engine.calculate.task import Task
    from spi_pipeline.engine.uncertainty.model import Progress
    from spi_pipeline.engine.uncertainty.simulate import Uncertainty

__all__ = ["EngineError", "Fault", "FrameworkError", "check", "draw", "explain", "read", "score"]


def read(framework: Mapping[str, Any], values: pd.DataFrame, profile: str | None = None) -> Task:
    """Read and check a framework and its values.

    Args:
        framework: the structure of the index, as ``yaml.safe_load`` gives it: ``elements`` and, where they differ from
            the defaults, ``levels``, methods and options.
        values: raw values in the indicators' own units, in one of two forms. Long, with one row per value: columns
            ``area_code``, ``indicator_id``, ``value`` and any of ``edition``, ``numerator``, ``denominator``,
            ``lower``, ``upper``, ``allocation_error``, ``period``, ``population``, ``group``, ``standing``. Or wide,
            with one row per area: ``area_code``, a column for each indicator and any of ``edition``, ``population``,
            ``group``, ``standing``. NaN means missing; ``"not applicable"`` means that no value can exist.
        profile: a profile to use in place of the framework's; ``docs/score.md`` lists them.

    Returns:
        The tree (``structure``), the methods of every element (``recipe``) and the data (``values``: ``panel`` holds
        one row for each edition and area, one column for each indicator in the framework's order).

    Raises:
        FrameworkError: the framework or the values have faults; ``faults`` lists them all.
    """
    from spi_pipeline.engine.calculate.score import read_task

    return read_task(framework, values, profile)


def check(framework: Mapping[str, Any], values: pd.DataFrame, profile: str | None = None) -> list[Fault]:
    """List every fault of a framework and its values; the list is empty where they can be scored.

    Args:
        framework: as in ``read``.
        values: as in ``read``.
        profile: as in ``read``.

    Returns:
        Faults in the order found, each with its place and a sentence. A place is, for example,
        ``("framework", "elements", 3, "worst")``, or ``("values", 7)``; list positions and rows count from 0.
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
        framework: as in ``read``.
        values: as in ``read``.
        profile: as in ``read``.

    Returns:
        ``scores`` holds one row for each edition and area and one column for each element, indicators first, the index
        last, from 0 to 100 unless ``scale`` or the method sets another range, NaN where there is no score. ``ranks()``
        and ``coverage`` (0 to 1) have the same shape. ``table()`` has one row for each area, edition and element,
        ``weights()`` one for each child of an element. ``notes`` reports where a method other than the one named was
        used.

    Raises:
        FrameworkError: the framework or the values have faults; ``faults`` lists them all.
        EngineError: a method cannot be applied to these values.
    """
    from spi_pipeline.engine.calculate.score import score_task

    return score_task(read(framework, values, profile))


def draw(scores: Scores, draws: int = 1000, seed: int = 0, progress: Progress | None = None) -> Uncertainty:
    """Recompute an index many times, each time drawing its sources of uncertainty at random.

    The framework declares under ``doubt`` which sources are varied, and how far.

    Source: Saisana, Saltelli and Tarantola (2005), "Uncertainty and sensitivity analysis techniques as tools for the
    quality assessment of composite indicators"; OECD/JRC handbook (2008), step 7.

    Args:
        scores: the result of ``score``.
        draws: number of recalculations, 20 or more.
        seed: seed of the draws; the same seed gives the same figures on any number of cores.
        progress: called from time to time with the number of draws done and the total.

    Returns:
        ``intervals`` holds one row for each edition, area and element: 90 % intervals of score and rank, and the
        probability of being among the lowest. ``varied`` reports which sources were varied and why the others were
        not, ``parameters`` the values of each draw, and ``pairs``, by edition, the probability that one area scores
        above another.

    Raises:
        EngineError: fewer than 20 draws.
    """
    from spi_pipeline.engine.uncertainty.simulate import simulate

    return simulate(scores, draws, seed, progress=progress)


def explain(framework: Mapping[str, Any], profile: str | None = None) -> str:
    """Explain in words and formulas how an index is computed, one statement per line.

    Args:
        framework: as in ``read``; no values are needed.
        profile: as in ``read``.

    Returns:
        Lines of text: the title, then one statement per line.

    Raises:
        FrameworkError: the framework has faults; ``faults`` lists them all.
    """
    from spi_pipeline.engine.framework.explain import explain_framework

    return explain_framework(framework, profile)

"""Choice of indicators: the indicators of a component are a sample of those that could measure it.

Scores of areas by indicators of one component are ``s[a, j] = mean + area[a] + indicator[j] + e[a, j]``. With other
indicators the component would have another ``Σ w indicator``, the same for all areas, and another ``Σ w e`` for each
area. The differences between the present indicators show how far: both variances are estimated from them, and the error
variance of the figures is subtracted from the second so that it does not count twice. The drawn terms have ``Σ w²``
times these variances, and t distributions with the degrees of freedom of the estimates. Fewer indicators mean a larger
``Σ w²`` and longer tails.

An estimate with one or two degrees of freedom is almost worthless alone. So the components borrow strength: each
variance is shrunk towards their common variance in proportion to how similar they prove to be (Smyth 2004), and a
component with one indicator takes the common variance.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import optimize, special

from spi_pipeline.engine.calculate.changes import Changes
from spi_pipeline.engine.calculate.indicator_scores import indicator_scores
from spi_pipeline.engine.calculate.score import Scores
from spi_pipeline.engine.framework.uncertainty_settings import MEASURED, UncertaintySettings
from spi_pipeline.engine.panel import Array, Positions, reference_rows
from spi_pipeline.engine.uncertainty.errors import drawn_values
from spi_pipeline.engine.uncertainty.source import Drawable, DrawnParameters, Generators
from spi_pipeline.engine.uncertainty.sources import allocation, imputation, measurement

# Number of draws that estimate the variance of scores from errors of the figures, to within a quarter.
NOISE_DRAWS = 40
# A variance of 0 would be infinitely far from the others on the log scale: it counts as this share of the median.
LEAST = 1e-5


@dataclass(frozen=True)
class Spread:
    """An estimated variance: its mean square and degrees of freedom, which are 0 where it could not be estimated."""

    square: float
    freedom: float


@dataclass(frozen=True)
class _Term:
    """The random terms of one component.

    Attributes:
        parent: id of the component.
        common: standard deviation of the term that all areas share, in points.
        own: standard deviation of the term of each area, in points.
        freedom: degrees of freedom of the two terms; infinite for a normal distribution.
    """

    parent: str
    common: float
    own: float
    freedom: tuple[float, float]


def prepare(scores: Scores, settings: UncertaintySettings) -> Drawable | str:
    """Draw components as if other indicators measured them."""
    terms = _terms(scores, settings)
    if not terms:
        return "no element has two indicators and two areas, from which to estimate how far its indicators differ"
    area, count = _areas(scores)
    # A product or a sum of scores can leave the scale, so its draws may too.
    moved = [*scores.task.structure.leaves, *(term.parent for term in terms)]
    reference = reference_rows(scores.scores[moved], scores.inputs.rows.reference).to_numpy(dtype=float)
    scale = scores.task.recipe.scale
    fixed = bool(np.nanmin(reference) >= 0 and np.nanmax(reference) <= scale)

    def draw(generators: Generators) -> tuple[Changes, DrawnParameters]:
        common, own = zip(*(_drawn(terms, count, one) for one in generators), strict=True)
        shared, area_terms = np.array(common), np.array(own)
        added = {
            term.parent: shared[:, place, np.newaxis] + area_terms[:, place, area] for place, term in enumerate(terms)
        }
        noted = {f"choice {term.parent}": shared[:, place] for place, term in enumerate(terms)}
        return Changes(terms=added, score_limits=(0.0, scale) if fixed else None), noted

    single = [term.parent for term in terms if len(_indicators(scores, term.parent)) == 1]
    borrowed = f"; {', '.join(single)}, with one indicator, by the estimates of the others" if single else ""
    return Drawable(
        f"components moved as far as the differences between their indicators suggest{borrowed}", draw,
        "the indicators of a component are a random sample of those that could measure it, and components differ in "
        "this only as much as their estimates show",
    )  # fmt: skip


def _drawn(terms: list[_Term], areas: int, generator: np.random.Generator) -> tuple[Array, Array]:
    """The terms that all areas share, by component, and the terms of each area, components by areas."""
    freedom = np.array([term.freedom for term in terms])
    tailed = np.isfinite(freedom)
    scale = np.ones(freedom.shape)
    scale[tailed] = np.sqrt(freedom[tailed] / generator.chisquare(freedom[tailed]))
    normal = generator.standard_normal((areas + 1, len(terms))).T
    sd = scale * np.array([(term.common, term.own) for term in terms])
    return sd[:, 0] * normal[:, 0], sd[:, 1:] * normal[:, 1:]


def _areas(scores: Scores) -> tuple[Positions, int]:
    """A number for the area of each row; areas outside come last, so that they do not change the others' draws."""
    codes, reference = scores.scores.index.get_level_values("area_code"), scores.inputs.rows.reference
    order = np.arange(len(codes)) if reference is None else np.argsort(~reference, kind="stable")
    area = np.empty(len(codes), dtype=np.intp)
    area[order], different = pd.factorize(codes[order])
    return area, len(different)


def _indicators(scores: Scores, parent: str) -> list[str]:
    recipe = scores.task.recipe
    return [name for name in scores.task.structure.children[parent] if name in recipe.leaves]


def _terms(scores: Scores, settings: UncertaintySettings) -> list[_Term]:
    """The random terms of all components with indicators; empty where no component allows an estimate."""
    parents = [parent for parent in scores.task.structure.parents if _indicators(scores, parent)]
    noise = _noise(scores, settings)
    newest = list(scores.inputs.rows.ranked.values())[-1]
    own, residual, between = [], [], []
    for parent in parents:
        columns = scores.scores.columns.get_indexer(pd.Index(_indicators(scores, parent)))
        block = scores.scores.to_numpy(dtype=float)[np.ix_(newest, columns)]
        block = block[:, ~np.isnan(block).all(axis=0)]
        own.append(float(np.nanmean(noise[np.ix_(newest, columns)])))
        mean_squares = _two_way(block[~np.isnan(block).any(axis=1)])
        residual.append(mean_squares[0])
        between.append(mean_squares[1])
    if not any(spread.freedom for spread in between):
        return []
    areas, terms = len(newest), []
    for parent, error, within, among in zip(parents, own, moderated(residual), moderated(between), strict=True):
        weights = _shares(scores, parent)
        squares = float((weights**2).sum())
        single = max(within.square - error, 0.0)
        shared = max(among.square - within.square / areas, 0.0)
        terms.append(_Term(parent, np.sqrt(squares * shared), np.sqrt(squares * single),
                           (among.freedom, within.freedom)))  # fmt: skip
    return terms


def _shares(scores: Scores, parent: str) -> Array:
    """The weight of each indicator's score in its parent."""
    formed = scores.aggregations[parent]
    total = 1.0 if formed.power else float(formed.total[0, 0])
    weights = formed.weights / formed.weights.sum() * total
    return np.asarray(weights[_indicators(scores, parent)], dtype=float)


def _two_way(block: Array) -> tuple[Spread, Spread]:
    """The residual mean square of areas by indicators, and the variance of the indicators' means."""
    areas, count = block.shape
    if areas < 2 or count < 2:
        return Spread(0.0, 0.0), Spread(0.0, 0.0)
    means = block.mean(axis=0)
    residuals = block - means - block.mean(axis=1, keepdims=True) + block.mean()
    freedom = (areas - 1) * (count - 1)
    return Spread(float((residuals**2).sum() / freedom), freedom), Spread(float(means.var(ddof=1)), count - 1)


def moderated(spreads: list[Spread]) -> list[Spread]:
    """Variances shrunk towards their common variance in proportion to their similarity: ``(d0 s0² + d s²) / (d0 + d)``.

    The prior degrees of freedom ``d0`` and variance ``s0²`` match the spread of the variances' logarithms. Where only
    one variance could be estimated, it is unchanged, and the others take it with its degrees of freedom.

    Source: Smyth (2004), "Linear models and empirical Bayes methods for assessing differential expression", 6.2.

    Args:
        spreads: the estimates; those with 0 degrees of freedom carry no information, and at least one must have some.
    """
    known = [spread for spread in spreads if spread.freedom]
    squares, freedom = np.array([(one.square, one.freedom) for one in known]).T
    squares = np.maximum(squares, LEAST * np.median(squares))
    if not (squares > 0).all():
        return [Spread(0.0, np.inf) for _ in spreads]
    logs = np.log(squares) - special.digamma(freedom / 2) + np.log(freedom / 2)
    if len(known) == 1:
        prior, common = float(freedom[0]), float(squares[0])
    else:
        prior = _freedom(float(logs.var(ddof=1) - special.polygamma(1, freedom / 2).mean()))
        half = special.digamma(prior / 2) - np.log(prior / 2) if np.isfinite(prior) else 0.0
        common = float(np.exp(logs.mean() + half))
    result = []
    for spread in spreads:
        if len(known) == 1 and spread.freedom:
            result.append(Spread(common, prior))
        elif np.isinf(prior):
            result.append(Spread(common, np.inf))
        else:
            whole = prior + spread.freedom
            result.append(Spread((prior * common + spread.freedom * spread.square) / whole, whole))
    return result


def _freedom(excess: float) -> float:
    """The ``d`` at which ``trigamma(d / 2)`` is the excess; infinite where variances differ no more than by chance."""
    if not excess > 0:
        return float("inf")

    def above(log: float) -> float:
        return float(special.polygamma(1, np.exp(log))) - excess

    low, high = -20.0, 20.0
    if above(high) > 0:
        return float("inf")
    return 2 * float(np.exp(optimize.brentq(above, low, high))) if above(low) > 0 else 2 * float(np.exp(low))


def _noise(scores: Scores, settings: UncertaintySettings) -> Array:
    """The variance of indicator scores due to errors of the figures, rows by indicators."""
    sources = {"measurement": measurement, "allocation": allocation, "imputation": imputation}
    prepared = {name: sources[name].prepare(scores, settings) for name in MEASURED if name in settings.sources}
    uncertain = {name: one for name, one in prepared.items() if not isinstance(one, str)}
    total: Array = np.zeros((2, *scores.inputs.treated.shape))
    if not uncertain:
        return np.zeros(scores.inputs.treated.shape)
    base = scores.scores[scores.task.structure.leaves].to_numpy(dtype=float)
    for number in range(NOISE_DRAWS):
        values = drawn_values(scores, uncertain, dict.fromkeys(uncertain, range(number, number + 1)), 0)
        deviation = indicator_scores(scores.inputs, Changes(values=values))[0] - base
        total += np.array([deviation, deviation**2])
    mean, square = total / NOISE_DRAWS
    return np.asarray((square - mean**2) * NOISE_DRAWS / (NOISE_DRAWS - 1))

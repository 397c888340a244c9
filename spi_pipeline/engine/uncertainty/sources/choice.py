"""Choice of indicators: those of a component are a sample of what could measure it.

Scores of areas by indicators of one component are ``s[a, j] = mean + area[a] + indicator[j] + e[a, j]``. Other
indicators in the place of these would move the component by another ``Σ w indicator``, alike for all areas, and another
``Σ w e`` for each. How far is told by how far the indicators lie apart now: the variances of the two terms are
estimated, error of the figures taken off the second so that nothing counts twice. What is drawn has ``Σ w²`` times
these variances, and the tails of a t distribution with the degrees of freedom they were estimated by. Fewer indicators
mean a larger ``Σ w²`` and longer tails.

A variance told by one or two degrees of freedom says next to nothing alone. So the components lend each other what they
know: each variance is drawn towards their common one by as much as they prove to be alike (Smyth 2004), and a component
of one indicator has the common one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import optimize, special

from spi_pipeline.engine.calculate.changes import Changes
from spi_pipeline.engine.calculate.leaves import leaf_scores
from spi_pipeline.engine.calculate.score import Scores
from spi_pipeline.engine.framework.doubt import MEASURED, Doubt
from spi_pipeline.engine.panel import Array, Positions, rows_of
from spi_pipeline.engine.uncertainty.errors import drawn_values
from spi_pipeline.engine.uncertainty.source import Drawable, Generators, Noted
from spi_pipeline.engine.uncertainty.sources import allocation, imputation, measurement

# Draws behind the variance that errors of the figures give to scores: known to a quarter of itself.
TRIED = 40
# A variance of nothing at all would be infinitely far from the others: it counts as this share of the middle one.
LEAST = 1e-5


@dataclass(frozen=True)
class Spread:
    """A variance estimated: its mean square and degrees of freedom; none of these where it could not be."""

    square: float
    freedom: float


@dataclass(frozen=True)
class _Term:
    """What is drawn for one component.

    Attributes:
        parent: its id.
        common: standard deviation of what all areas share, in points.
        own: that of what each area has by itself.
        freedom: the degrees of freedom of the two; infinite for a normal distribution.
    """

    parent: str
    common: float
    own: float
    freedom: tuple[float, float]


def prepare(scores: Scores, doubt: Doubt) -> Drawable | str:
    """Components moved as other indicators in the place of theirs would move them."""
    terms = _terms(scores, doubt)
    if not terms:
        return "no element has two indicators and two areas, to tell how far indicators of one thing lie apart"
    area, count = _areas(scores)
    leaves = rows_of(scores.scores[scores.task.structure.leaves], scores.inputs.rows.among).to_numpy(dtype=float)
    scale = scores.task.recipe.scale
    fixed = bool(np.nanmin(leaves) >= 0 and np.nanmax(leaves) <= scale)

    def draw(generators: Generators) -> tuple[Changes, Noted]:
        common, own = zip(*(_drawn(terms, count, one) for one in generators), strict=True)
        shared, apart = np.array(common), np.array(own)
        added = {term.parent: shared[:, place, np.newaxis] + apart[:, place, area] for place, term in enumerate(terms)}
        noted = {f"choice {term.parent}": shared[:, place] for place, term in enumerate(terms)}
        return Changes(terms=added, score_limits=(0.0, scale) if fixed else None), noted

    lent = [term.parent for term in terms if len(_indicators(scores, term.parent)) == 1]
    borrowed = f"; {', '.join(lent)}, of one indicator, by what the others show" if lent else ""
    return Drawable(
        f"components moved as far as their indicators' differences say that others would move them{borrowed}", draw,
        "the indicators of a component are a random sample of what could measure it, and components differ in this "
        "only as much as they prove to",
    )  # fmt: skip


def _drawn(terms: list[_Term], areas: int, generator: np.random.Generator) -> tuple[Array, Array]:
    """What all areas share, by component, and what each has by itself, components by areas."""
    freedom = np.array([term.freedom for term in terms])
    tailed = np.isfinite(freedom)
    longer = np.ones(freedom.shape)
    longer[tailed] = np.sqrt(freedom[tailed] / generator.chisquare(freedom[tailed]))
    normal = generator.standard_normal((areas + 1, len(terms))).T
    sd = longer * np.array([(term.common, term.own) for term in terms])
    return sd[:, 0] * normal[:, 0], sd[:, 1:] * normal[:, 1:]


def _areas(scores: Scores) -> tuple[Positions, int]:
    """A number for the area of each row, those outside last so that they change nothing for the others."""
    codes, among = scores.scores.index.get_level_values("area_code"), scores.inputs.rows.among
    order = np.arange(len(codes)) if among is None else np.argsort(~among, kind="stable")
    area = np.empty(len(codes), dtype=np.intp)
    area[order], different = pd.factorize(codes[order])
    return area, len(different)


def _indicators(scores: Scores, parent: str) -> list[str]:
    recipe = scores.task.recipe
    return [name for name in scores.task.structure.children[parent] if name in recipe.leaves]


def _terms(scores: Scores, doubt: Doubt) -> list[_Term]:
    """The components that have indicators, with the spread of theirs; empty where none can tell of any."""
    parents = [parent for parent in scores.task.structure.parents if _indicators(scores, parent)]
    noise = _noise(scores, doubt)
    newest = list(scores.inputs.rows.ranked.values())[-1]
    own, apart, between = [], [], []
    for parent in parents:
        columns = scores.scores.columns.get_indexer(pd.Index(_indicators(scores, parent)))
        block = scores.scores.to_numpy(dtype=float)[np.ix_(newest, columns)]
        block = block[:, ~np.isnan(block).all(axis=0)]
        own.append(float(np.nanmean(noise[np.ix_(newest, columns)])))
        found = _two_way(block[~np.isnan(block).any(axis=1)])
        apart.append(found[0])
        between.append(found[1])
    if not any(spread.freedom for spread in between):
        return []
    areas, terms = len(newest), []
    for parent, error, within, among in zip(parents, own, moderated(apart), moderated(between), strict=True):
        weights = _shares(scores, parent)
        squares = float((weights**2).sum())
        single = max(within.square - error, 0.0)
        shared = max(among.square - within.square / areas, 0.0)
        terms.append(_Term(parent, np.sqrt(squares * shared), np.sqrt(squares * single),
                           (among.freedom, within.freedom)))  # fmt: skip
    return terms


def _shares(scores: Scores, parent: str) -> Array:
    """What each indicator's score counts in its parent."""
    formed = scores.formed[parent]
    total = 1.0 if formed.power else float(formed.total[0, 0])
    weights = formed.weights / formed.weights.sum() * total
    return np.asarray(weights[_indicators(scores, parent)], dtype=float)


def _two_way(block: Array) -> tuple[Spread, Spread]:
    """Mean squares of areas by indicators: of what is left to single cells, and of the indicators' means."""
    areas, count = block.shape
    if areas < 2 or count < 2:
        return Spread(0.0, 0.0), Spread(0.0, 0.0)
    means = block.mean(axis=0)
    left = block - means - block.mean(axis=1, keepdims=True) + block.mean()
    freedom = (areas - 1) * (count - 1)
    return Spread(float((left**2).sum() / freedom), freedom), Spread(float(means.var(ddof=1)), count - 1)


def moderated(spreads: list[Spread]) -> list[Spread]:
    """Variances drawn towards their common one, by as much as they are alike: ``(d0 s0² + d s²) / (d0 + d)``.

    Prior degrees of freedom ``d0`` and variance ``s0²`` are those under which the variances' logarithms differ as much
    as they do. Alone in having any, a variance stays itself and is lent to the others with its own degrees of freedom.

    Source: Smyth (2004), "Linear models and empirical Bayes methods for assessing differential expression", 6.2.

    Args:
        spreads: those without a degree of freedom know nothing; one knows something.
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
    found = []
    for spread in spreads:
        if len(known) == 1 and spread.freedom:
            found.append(Spread(common, prior))
        elif np.isinf(prior):
            found.append(Spread(common, np.inf))
        else:
            whole = prior + spread.freedom
            found.append(Spread((prior * common + spread.freedom * spread.square) / whole, whole))
    return found


def _freedom(excess: float) -> float:
    """The degrees of freedom whose half has this trigamma; infinite where variances differ no more than by chance."""
    if not excess > 0:
        return float("inf")

    def above(log: float) -> float:
        return float(special.polygamma(1, np.exp(log))) - excess

    low, high = -20.0, 20.0
    if above(high) > 0:
        return float("inf")
    return 2 * float(np.exp(optimize.brentq(above, low, high))) if above(low) > 0 else 2 * float(np.exp(low))


def _noise(scores: Scores, doubt: Doubt) -> Array:
    """The variance that errors of the figures give to indicator scores, rows by indicators."""
    sources = {"measurement": measurement, "allocation": allocation, "imputation": imputation}
    found = {name: sources[name].prepare(scores, doubt) for name in MEASURED if name in doubt.sources}
    uncertain = {name: one for name, one in found.items() if not isinstance(one, str)}
    total: Array = np.zeros((2, *scores.inputs.treated.shape))
    if not uncertain:
        return np.zeros(scores.inputs.treated.shape)
    base = scores.scores[scores.task.structure.leaves].to_numpy(dtype=float)
    for number in range(TRIED):
        values = drawn_values(scores, uncertain, dict.fromkeys(uncertain, range(number, number + 1)), 0)
        apart = leaf_scores(scores.inputs, Changes(values=values))[0] - base
        total += np.array([apart, apart**2])
    mean, square = total / TRIED
    return np.asarray((square - mean**2) * TRIED / (TRIED - 1))

"""The weights of a component's indicators: from the yardstick where it covers the whole component, else equal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from spi_pipeline.contracts.models.indicators import Direction
from spi_pipeline.engine.errors import EngineError
from spi_pipeline.engine.weights.fit import MIN_INDICATORS, Fit, component_fit
from spi_pipeline.engine.weights.principal import principal_component_weights

# Below either mark the first component is not what the indicators have in common: Housing (alpha 0.65) would rest to
# 90 % on crowding, counted twice.
MIN_ALPHA = 0.7
MIN_KMO = 0.5


@dataclass(frozen=True)
class Yardstick:
    """What the reference table says of the indicators of one component.

    Attributes:
        sd: standard deviation over the wards of England, by national indicator, in its unit.
        correlation: correlations among them, over the wards in which all have a value.
        n: how many wards that is.
    """

    sd: pd.Series
    correlation: pd.DataFrame
    n: int

    @classmethod
    def of(cls, reference: pd.DataFrame, indicators: Sequence[str]) -> Yardstick:
        """Read the rows of the source ``reference`` that are about these indicators."""
        rows = reference[reference["indicator_id"].isin(indicators)]
        sd = rows[rows["statistic"] == "sd"].set_index("indicator_id")["value"]
        pairs = rows[rows["statistic"] == "correlation"]
        matrix = pairs.pivot(index="indicator_id", columns="other_id", values="value")
        matrix = matrix.reindex(index=sd.index, columns=sd.index)
        for name in sd.index:
            matrix.loc[name, name] = 1.0
        return cls(sd, matrix, int(pairs["n"].min()) if len(pairs) else 0)


@dataclass(frozen=True)
class Weighting:
    """The nominal weights of a component.

    Attributes:
        weights: by indicator; those of one slot share one weight, and the weights of the slots add up to 1.
        basis: ``pca_reference`` or ``equal``.
        fit: alpha, KMO and first component's share over the wards of England; not given where the yardstick does not
            cover the component.
    """

    weights: pd.Series
    basis: Literal["pca_reference", "equal"]
    fit: Fit | None


def weigh(
    chains: Sequence[Sequence[str]],
    directions: Mapping[str, Direction],
    goalposts: pd.DataFrame,
    yardstick: Yardstick,
    method: Literal["equal", "pca"],
) -> Weighting:
    """Weigh the slots of a component.

    A first principal component is taken over the newest indicator of each slot, and only where all of them are
    national, there are at least three, and they measure one thing by the marks of the index's methodology. A component
    that falls short, and one with a negative loading, is weighted equally.

    Args:
        chains: indicator ids by slot, newest first.
        directions: by indicator.
        goalposts: ``worst`` and ``best`` by indicator.
        yardstick: the reference figures.
        method: what the profile asks for.
    """
    newest = [chain[0] for chain in chains]
    equal = pd.Series(1 / len(chains), index=[name for chain in chains for name in chain])
    if not set(newest) <= set(yardstick.sd.index):
        return Weighting(equal, "equal", None)
    # Scores run against values where less is better, and so do their correlations.
    sign = pd.Series({name: 1.0 if directions[name] == "higher_is_better" else -1.0 for name in newest})
    correlation = yardstick.correlation.loc[newest, newest].mul(sign, axis=0).mul(sign, axis=1)
    fit = component_fit(correlation, yardstick.n)
    one_thing = len(newest) >= MIN_INDICATORS and fit.alpha >= MIN_ALPHA and fit.kmo >= MIN_KMO
    if method == "equal" or not one_thing:
        return Weighting(equal, "equal", fit)
    spread = (goalposts["best"] - goalposts["worst"]).abs().reindex(newest)
    try:
        found = principal_component_weights(correlation, 100 * yardstick.sd[newest] / spread)
    except EngineError:
        return Weighting(equal, "equal", fit)
    shared = {name: found[chain[0]] for chain in chains for name in chain}
    return Weighting(pd.Series(shared), "pca_reference", fit)

"""Transforms that reduce the skew of an indicator before it is normalised.

Each maps one indicator's values, in their own unit, one by one. Methods that compare values (outliers, extremes, ranks)
are elsewhere. The same transform is applied to an indicator's goalposts, which are declared in raw units.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np
import pandas as pd

from spi_pipeline.engine.errors import EngineError
from spi_pipeline.engine.panel import Array, require_panel

Method = Literal[
    "none", "log", "square", "cube", "square_root", "cube_root", "reciprocal", "logit", "box_cox"
]  # fmt: skip
METHODS: tuple[str, ...] = get_args(Method)
# Greatest distance between the most likely exponent and the one found by a search by height.
NEAR = 1e-3
# Below this limit a series is more exact than a difference.
SMALL = 1e-3

# The domain on which each transform preserves the order of all values (or, the reciprocal, reverses it): lowest and
# highest value, and whether these limits are allowed. The logit's upper limit is a parameter of the transform.
_ANY = (-np.inf, np.inf, True)
_DOMAINS: dict[str, tuple[float, float, bool]] = {
    "square": (0, np.inf, True),
    "square_root": (0, np.inf, True),
    "log": (0, np.inf, False),
    "reciprocal": (0, np.inf, False),
    "box_cox": (0, np.inf, False),
    "logit": (0, np.inf, False),
}


@dataclass(frozen=True)
class Transform:
    """One indicator's transform.

    Attributes:
        method: ``none``; ``log`` (natural); ``square``; ``cube``; ``square_root``; ``cube_root``; ``reciprocal``
            ``1/x``; ``logit`` ``log(x / (upper - x))``; ``box_cox`` ``(x^lambda - 1) / lambda``, the logarithm where
            lambda is 0.
        exponent: lambda of Box-Cox; None where ``estimated`` is to estimate it.
        upper: the upper limit of the logit's scale: 1 for shares, 100 for percentages.
        shift: number added to the values first, for example to allow the logarithm of a value of 0.
    """

    method: Method = "none"
    exponent: float | None = None
    upper: float = 1.0
    shift: float = 0.0

    @property
    def reverses(self) -> bool:
        """Whether higher raw values become lower ones, as under the reciprocal."""
        return self.method == "reciprocal"


def transformed(values: Array, transform: Transform) -> Array:
    """Apply a transform to values or goalposts; NaN stays NaN.

    Source: OECD/JRC handbook (2008), step 5; Box and Cox (1964).

    Args:
        values: values of any shape, in the indicator's unit.
        transform: the transform; Box-Cox with its exponent.

    Raises:
        EngineError: a value lies where the transform is not defined or does not preserve the order of values, or a
            transformed value is too large to compute with.
    """
    if transform.method not in METHODS:
        raise EngineError(f"'{transform.method}' is not a transform: use one of {', '.join(METHODS)}")
    shifted = values + transform.shift if transform.shift else values
    _require_domain(shifted, transform)
    with np.errstate(over="ignore"):
        result = _function(transform)(shifted)
    if np.isinf(result).any():
        raise EngineError(f"the transform {transform.method} gives infinite values: choose another, or other options")
    return result


def estimated(values: Array, transform: Transform) -> Transform:
    """The transform, with a missing Box-Cox exponent estimated by maximum likelihood from the values present.

    Raises:
        EngineError: a value is not above 0, or fewer than three different values are present.
    """
    if transform.method != "box_cox" or transform.exponent is not None:
        return transform
    _require_domain(values + transform.shift, transform)
    present = values[~np.isnan(values)] + transform.shift
    if len(np.unique(present)) < 3:
        raise EngineError("estimating a Box-Cox exponent needs three or more different values: give the exponent")
    return replace(transform, exponent=_likeliest(present))


def _likeliest(values: Array) -> float:
    """The maximum-likelihood exponent of Box-Cox, at which transformed values and their slope do not correlate.

    A maximum is flat: a search by height finds it to about eight digits, a search by slope to all.
    """
    # Imported here, since it takes half a second of CPU, and contracts that name the methods are read before every
    # refresh.
    from scipy import optimize, stats

    estimate = float(stats.boxcox_normmax(values, method="mle"))
    logs = np.log(values) - np.log(values).mean()

    def slope(exponent: float) -> float:
        power = exponent * logs
        small = np.abs(power) < SMALL
        safe = np.where(small, 1.0, power)
        # y = (e^p - 1) / λ and dy/dλ, both in units of L = p / λ and L²
        height = np.where(small, 1 + power / 2 + power**2 / 6 + power**3 / 24, np.expm1(safe) / safe)
        series = 1 / 2 + power / 3 + power**2 / 8 + power**3 / 30
        rise = np.where(small, series, (np.exp(safe) - np.expm1(safe) / safe) / safe)
        y = logs * height
        return float(((y - y.mean()) * logs**2 * rise).sum())

    low, high = estimate - NEAR, estimate + NEAR
    return float(optimize.brentq(slope, low, high, xtol=1e-15)) if slope(low) * slope(high) < 0 else estimate


def transform_panel(panel: pd.DataFrame, transforms: Mapping[str, Transform]) -> pd.DataFrame:
    """Apply each indicator's transform; an indicator without one is unchanged.

    Args:
        panel: raw values, one column per indicator.
        transforms: by indicator id.

    Raises:
        EngineError: as in ``transformed``, with the name of the indicator.
    """
    require_panel(panel)
    columns = {}
    for name in panel.columns:
        values = panel[name].to_numpy(dtype=float)
        transform = transforms.get(name, Transform())
        try:
            columns[name] = transformed(values, estimated(values, transform))
        except EngineError as error:
            raise EngineError(f"indicator {name}: {error}") from error
    return pd.DataFrame(columns, index=panel.index, columns=panel.columns)


def _require_domain(values: Array, transform: Transform) -> None:
    low, high, closed = _DOMAINS.get(transform.method, _ANY)
    high = transform.upper if transform.method == "logit" else high
    outside = (values < low) | (values > high) if closed else (values <= low) | (values >= high)
    if outside.any():
        limits = f"from {low:g}" if closed else f"above {low:g}" + (f" and below {high:g}" if np.isfinite(high) else "")
        raise EngineError(
            f"the transform {transform.method!r} needs values {limits}, and there is {values[outside].flat[0]:g}: "
            "shift the values, or choose another transform"
        )


def _function(transform: Transform) -> Callable[[Array], Array]:
    upper, exponent = transform.upper, transform.exponent
    functions: dict[str, Callable[[Array], Array]] = {
        "none": lambda x: x,
        "log": np.log,
        "square": np.square,
        "cube": lambda x: x**3,
        "square_root": np.sqrt,
        "cube_root": np.cbrt,
        "reciprocal": lambda x: 1 / x,
        "logit": lambda x: np.log(x / (upper - x)),
    }
    if transform.method != "box_cox":
        return functions[transform.method]
    if exponent is None:
        raise EngineError("a Box-Cox transform needs its exponent (lambda): give it, or have it estimated")
    power = float(exponent)
    return np.log if power == 0 else lambda x: (x**power - 1) / power

"""The names of all methods that a framework can use, with the options of each.

The methods themselves are in the modules named after them; ``recipe`` reads a framework.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from spi_pipeline.engine.aggregate.parent import MEANS, UNSCALED
from spi_pipeline.engine.normalise.transform import METHODS as TRANSFORMS

# Every method by its key in a framework, with the options it takes.
METHODS: dict[str, dict[str, set[str]]] = {
    "normalise": {
        "goalposts": {"clip", "without", "low", "high"},
        "minmax": {"low", "high"},
        "scaled": {"lower", "upper"},
        "z": {"mean", "sd", "ddof"},
        "base_year_z": {"base", "mean", "sd"},
        "rank": {"ties"},
        "percentile_rank": {"ties"},
        "borda": {"ties"},
        "normal": {"mean", "sd", "ties"},
        "maximum": set(),
        "target": {"cap"},
        "reference": {"area_code", "cap"},
        "fraction": set(),
        "exponential": {"ties"},
        "exponential_of_ranks": {"count"},
        "none": set(),
    },
    "impute": {
        "none": set(),
        "regression": {"minimum_share"},
        "mean": set(),
        "median": set(),
        "group_mean": set(),
        "group_median": set(),
        "last": set(),
        "linear": set(),
        "neighbours": {"neighbours"},
    },
    "weights": {
        "given": set(),
        "shares": set(),
        "equal": set(),
        "pca": {"allow_negative", "correlation", "sd"},
        "pca_loadings": {"allow_negative", "correlation"},
        "factor": set(),
        "correlation_balanced": set(),
        "random": {"spread", "seed"},
    },
    "aggregate": {
        name: {"generalised": {"order"}, "mazziotta_pareto": {"sign"}}.get(name, set()) for name in (*MEANS, *UNSCALED)
    },
    "transform": {
        name: {
            "log": {"shift"},
            "square_root": {"shift"},
            "reciprocal": {"shift"},
            "box_cox": {"shift", "lambda"},
            "logit": {"upper"},
        }.get(name, set())
        for name in TRANSFORMS
    },
}
# The score of an element has no goalposts or target, so these are options.
METHODS["rescale"] = {
    **METHODS["normalise"],
    "goalposts": {"worst", "best", "clip", "low", "high"},
    "target": {"target", "cap"},
}
# Keys that may be declared level by level.
BY_LEVEL = ("weights", "aggregate", "available", "available_count", "missing", "floor", "rescale", "decimals")
# Options that are numbers; only the standard deviations of reference correlations are a list of numbers.
NUMERIC = {
    "low", "high", "lower", "upper", "mean", "sd", "ddof", "order", "count", "minimum_share", "neighbours", "lambda",
    "spread", "seed", "worst", "best", "target", "shift",
}  # fmt: skip
# Options that are whole numbers, with the smallest and the largest allowed.
WHOLE = {"count": (1, np.inf), "neighbours": (1, np.inf), "seed": (0, np.inf), "ddof": (0, 1)}
SHARES = {"minimum_share", "spread"}
FLAGS = {"clip", "cap", "allow_negative"}
RANK_TIES = ("min", "average", "max")
CHOICES = {
    "missing": ("renormalise", "group_mean", "blank"),
    "scores": ("quality", "need"),
    "rank_first": ("highest", "lowest"),
    "ties": ("min", "average"),
    "without": ("extremes", "refuse"),
    "counts": ("proportion", "rate"),
    "wholes": ("all", "group"),
    "sign": ("minus", "plus"),
}


@dataclass(frozen=True)
class Spec:
    """The name of a method, with its options."""

    method: str
    options: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        options = ", ".join(f"{key} {value}" for key, value in self.options.items())
        return f"{self.method} ({options})" if options else self.method

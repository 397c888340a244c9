"""The scoring profiles: named recipes of published indices, as data.

A profile presets keys of a framework; a framework's own settings override it. Names under ``weights``, ``aggregate``,
``available`` and ``rescale`` are roles (component, dimension, index), which a framework's level names are mapped to.
``recipe`` reads and checks recipes.
"""

from __future__ import annotations

from typing import Any

# The settings of a framework without a profile: nothing is imputed, fitted or guessed.
PLAIN: dict[str, Any] = {
    "normalise": "goalposts",
    "at_least": None,
    "at_most": None,
    "treat": False,
    "counts": "",
    "shrink": False,
    "minimum_count": None,
    "impute": "none",
    "weights": "given",
    "aggregate": "arithmetic",
    "available": 0.0,
    "available_count": 0,
    "missing": "renormalise",
    "floor": None,
    "scale": 100.0,
    "rescale": {},
    "decimals": None,
    "scores": "quality",
    "rank_first": "highest",
    "ties": "min",
    "outside": [],
    "wholes": None,
    "doubt": None,
}

# The panel's extremes replace goalposts that are not declared.
_GOALPOSTS = {"method": "goalposts", "without": "extremes"}
# A score of zero would make a geometric mean zero, whatever the other components are.
_LEAST = 1.0

PROFILES: dict[str, dict[str, Any]] = {
    "spi": {
        "normalise": _GOALPOSTS,
        "impute": "regression",
        "weights": {"component": "pca", "dimension": "equal", "index": "equal"},
    },
    "eu-spi": {
        "normalise": _GOALPOSTS,
        "impute": "regression",
        "weights": "equal",
        "aggregate": {
            "component": "arithmetic",
            "dimension": {"method": "generalised", "order": 0.5},
            "index": {"method": "generalised", "order": 0.5},
        },
    },
    "california": {
        "normalise": _GOALPOSTS,
        "impute": "regression",
        "weights": {"component": "pca", "dimension": "equal", "index": "equal"},
        "aggregate": {"component": "arithmetic", "dimension": "geometric", "index": "geometric"},
        "floor": _LEAST,
    },
    "equal": {"normalise": _GOALPOSTS, "weights": "equal"},
    "deprivation": {
        "normalise": "exponential",
        "weights": "shares",
        "rescale": {"component": "exponential", "dimension": "exponential"},
        "scores": "need",
    },
    "base-year-100": {
        "normalise": {"method": "base_year_z", "mean": 100, "sd": 10},
        "weights": "given",
    },
}

"""Profile methods that the engine refuses are reported at the line that states them."""

from __future__ import annotations

from pathlib import Path

import pytest

from spi_pipeline.contracts.loader import load_contracts
from spi_pipeline_tests.contracts.mutation import assert_fault, case, change


@pytest.mark.parametrize(
    ("file", "old", "new", "message", "at"),
    [
        case(
            "unknown method of a profile", "framework.yaml",
            "    impute: regression",
            "    impute: regresion",
            "profile spi: 'regresion' is not a method of 'impute': use regression",
        ),
        case(
            "unknown method at a level", "framework.yaml",
            "    weights: {component: pca,",
            "    weights: {component: pcs,",
            "profile spi: 'pcs' is not a method of 'weights': use given, shares, equal, pca, pca_loadings, factor, "
            "correlation_balanced, random",
        ),
        case(
            "method of an unknown level", "framework.yaml",
            "    aggregate: arithmetic",
            "    aggregate: {component: arithmetic, dimenson: geometric}",
            "profile spi: aggregate is given for 'dimenson', which is none of the levels component, dimension, index: "
            "correct it",
        ),
        case(
            "levels of a method that is of indicators alone", "framework.yaml",
            "    impute: regression",
            "    impute: {component: regression}",
            "profile spi: 'impute' names no method: use none, regression, mean, median, group_mean, group_median, "
            "last, linear, neighbours, as in {method: none}",
        ),
        case(
            "method without its option", "framework.yaml",
            "    aggregate: arithmetic",
            "    aggregate: {dimension: generalised}",
            "profile spi: the generalised mean of dimension needs an order from -20 to 20: write {method: generalised, "
            "order: 0.5}",
        ),
        case(
            "unknown option of a method", "framework.yaml",
            "    impute: regression",
            "    impute: {method: regression, seed: 3}",
            "profile spi: 'seed' is not an option of impute regression: it takes minimum_share",
        ),
        case(
            "share above one in a profile", "framework.yaml",
            "    available: 0.5",
            "    available: 7",
            "profile spi: available is 7: it is a share from 0 to 1",
        ),
    ],
)  # fmt: skip
def test_a_broken_profile(root: Path, file: str, old: str, new: str, message: str, at: str | None) -> None:
    assert_fault(root, file, old, new, message, at)


def test_a_profile_may_use_every_method_of_spi_score(root: Path) -> None:
    change(root, "framework.yaml", "    aggregate: arithmetic", "    aggregate: {component: geometric, index: median}")
    change(root, "framework.yaml", "    impute: regression", "    impute: {method: neighbours, neighbours: 5}")
    assert load_contracts(root).framework.profiles["spi"].methods["aggregate"] == {
        "component": "geometric", "index": "median",
    }  # fmt: skip

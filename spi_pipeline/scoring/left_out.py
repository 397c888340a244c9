"""The components that no score rests on, and why."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd


def left_out(catalogue: pd.DataFrame) -> dict[str, dict[str, str]]:
    """The components of which no slot is in the basis, so that no score rests on them.

    Args:
        catalogue: rows of the product ``indicator``.

    Returns:
        By component, why each of its indicators is not in the basis.
    """
    apart = catalogue[~catalogue.groupby("component_id")["in_basis"].transform("any").astype(bool)]
    return {
        str(component): dict(zip(rows["indicator_id"], rows["not_in_basis_because"], strict=True))
        for component, rows in apart.groupby("component_id", sort=False)
    }


def in_words(reasons: Mapping[str, str]) -> str:
    """Why a component is left out, in a line.

    Args:
        reasons: why each of its indicators is not in the basis.
    """
    return " ".join(f"{indicator}: {why}" for indicator, why in reasons.items())

"""The components that no score uses, and the reasons."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd


def left_out(catalogue: pd.DataFrame) -> dict[str, dict[str, str]]:
    """The components without a slot in the basis, so that no score uses them.

    Args:
        catalogue: rows of the product ``indicator``.

    Returns:
        By component, the reason why each of its indicators is not in the basis.
    """
    excluded = catalogue[~catalogue.groupby("component_id")["in_basis"].transform("any").astype(bool)]
    return {
        str(component): dict(zip(rows["indicator_id"], rows["not_in_basis_because"], strict=True))
        for component, rows in excluded.groupby("component_id", sort=False)
    }


def in_words(reasons: Mapping[str, str]) -> str:
    """Why a component is left out, in one line.

    Args:
        reasons: by indicator, the reason why it is not in the basis.
    """
    return " ".join(f"{indicator}: {why}" for indicator, why in reasons.items())

"""Errors of the numbers themselves; each message is a sentence that names the fault and the remedy.

Mistakes in calling a function raise ordinary Python errors and have no types here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


class EngineError(ValueError):
    """The numbers do not allow the calculation; nothing was calculated."""


class NegativeLoadingError(EngineError):
    """Some loadings on the first principal component are not positive, so it cannot give weights.

    Attributes:
        loadings: every indicator's loading on the first component, including the offending ones.
    """

    def __init__(self, loadings: pd.Series, offending: pd.Series) -> None:
        self.loadings = loadings
        named = ", ".join(f"{name} ({loading:+.3f})" for name, loading in offending.items())
        super().__init__(
            f"the first principal component has non-positive loadings for {named}: check their directions, "
            "or use equal weights for this component"
        )

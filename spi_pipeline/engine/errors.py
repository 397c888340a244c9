"""Faults of the numbers themselves; each message is a sentence that names what was found and what to do.

No other exception types belong here: a mistake in calling a function stays the ordinary Python error.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


class EngineError(ValueError):
    """The numbers do not allow the calculation; nothing was calculated."""


class NegativeLoadingError(EngineError):
    """A first principal component that some indicators do not pull the same way, so that it cannot give weights.

    Attributes:
        loadings: every indicator's loading on the first component, the offending ones among them.
    """

    def __init__(self, loadings: pd.Series, offending: pd.Series) -> None:
        self.loadings = loadings
        named = ", ".join(f"{name} ({loading:+.3f})" for name, loading in offending.items())
        super().__init__(
            f"the first principal component has non-positive loadings for {named}: check their directions, "
            "or use equal weights for this component"
        )

"""From raw values in their own units to scores of 0 to 100.

Only rules that map one indicator's values belong here; weighting and combining indicators do not.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from spi_pipeline.engine.errors import EngineError
from spi_pipeline.engine.panel import require_panel


def goalpost_scores(panel: pd.DataFrame, worst: pd.Series, best: pd.Series) -> pd.DataFrame:
    """Score every value by its place between two fixed goalposts: ``100 * clip((x - worst) / (best - worst), 0, 1)``.

    Direction lies in the goalposts alone: with ``worst > best`` lower values score higher. Values beyond a goalpost
    score 0 or 100; missing values stay missing.

    Source: Social Progress Index methodology (utopia and dystopia per indicator).

    Args:
        panel: raw values in each indicator's own unit.
        worst: the value that scores 0, by indicator id; ids that are no column of the panel are not used.
        best: the value that scores 100, likewise.

    Returns:
        Scores from 0 to 100 in the panel's shape.

    Raises:
        EngineError: an indicator's goalposts are missing, not finite or equal (every such indicator is named), or
            the panel is none.
    """
    require_panel(panel)
    low = worst.reindex(panel.columns).astype(float)
    high = best.reindex(panel.columns).astype(float)
    _require_goalposts(low, high)
    return 100 * ((panel - low) / (high - low)).clip(0, 1)


def _require_goalposts(worst: pd.Series, best: pd.Series) -> None:
    unusable = [name for name in worst.index if not _usable(worst[name], best[name])]
    if unusable:
        named = ", ".join(f"{name} (worst {worst[name]:g}, best {best[name]:g})" for name in unusable)
        raise EngineError(f"goalposts must be two different finite numbers, which they are not for: {named}")


def _usable(worst: float, best: float) -> bool:
    return bool(np.isfinite(worst) and np.isfinite(best) and worst != best)

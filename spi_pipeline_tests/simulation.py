"""How often intervals contain the truth, on invented universes whose true scores are known.

    python -m spi_pipeline_tests.simulation

draws universes from the model that the intervals rest on: every component has a true level for each area and edition,
its indicators are a sample of all those that could measure it, figures are measured with error, and some are missing
and estimated. It prints the share of true scores, ranks and changes that lie within their 90 % intervals. It then
prints the same shares where errors are twice as large as stated and indicators that were not measured again have
drifted nevertheless.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from spi_pipeline.engine import score
from spi_pipeline.engine.framework.uncertainty_settings import UncertaintySettings
from spi_pipeline.engine.uncertainty.simulate import simulate

AREAS, SLOTS, EDITIONS = 20, (2, 3, 3, 4, 4, 5, 6, 3), (2023, 2024)
# Standard deviations in points: of area levels, of the part of an indicator that all areas share, of each area's own
# part, of errors, and of changes.
LEVEL, COMMON, OWN, ERROR, MOVE = 8.0, 5.0, 5.0, 2.5, 4.0
# Share of an indicator's areas that have no figure in either edition and are estimated.
MISSING = 0.05
SOURCES = ("measurement", "allocation", "imputation", "choice")
NAMES = ["component scores", "index scores", "ranks", "changes"]


@dataclass(frozen=True)
class Universe:
    """The true level of each component, and by component the figures, true values and periods of its indicators."""

    levels: list[np.ndarray]
    figures: list[np.ndarray]
    true: list[np.ndarray]
    periods: list[np.ndarray]


def universe(rng: np.random.Generator, worse: float = 1.0, drift: float = 0.0) -> Universe:
    """A universe: half of the indicators are measured again in the second edition.

    Args:
        rng: the generator of random numbers.
        worse: how many times larger errors are than stated.
        drift: how far, in points, indicators drift that are not measured again.
    """
    result = Universe([], [], [], [])
    for count in SLOTS:
        level = 50 + LEVEL * rng.normal(size=AREAS)
        slot = level[:, np.newaxis] + COMMON * rng.normal(size=count) + OWN * rng.normal(size=(AREAS, count))
        again = np.arange(count) % 2 == 0
        moved = np.where(again, MOVE, drift) * rng.normal(size=(AREAS, count))
        true = np.stack([slot, slot + moved])
        figures = true + worse * ERROR * rng.normal(size=true.shape)
        figures[1][:, ~again] = figures[0][:, ~again]
        figures[:, rng.random((AREAS, count)) < MISSING] = np.nan
        result.levels.append(level)
        result.true.append(true)
        result.figures.append(figures)
        result.periods.append(np.where(again, "again", "before"))
    return result


def tables(one: Universe) -> tuple[dict[str, Any], pd.DataFrame]:
    """The framework and the values of a universe."""
    elements: list[dict[str, Any]] = [{"id": "index"}]
    rows = []
    for component, figures in enumerate(one.figures):
        elements.append({"id": f"c{component}", "parent": "index"})
        for slot in range(figures.shape[2]):
            name = f"c{component}_{slot}"
            elements.append({"id": name, "parent": f"c{component}", "direction": "higher_is_better",
                             "normalise": "none"})  # fmt: skip
            again = one.periods[component][slot] == "again"
            for place, edition in enumerate(EDITIONS):
                rows += [(f"A{area:02d}", edition, name, value, "2024" if again and place else "2023")
                         for area, value in enumerate(figures[place][:, slot])]  # fmt: skip
    values = pd.DataFrame(rows, columns=["area_code", "edition", "indicator_id", "value", "period"])
    half = 1.96 * ERROR
    return {"elements": elements, "impute": "regression"}, values.assign(
        lower=values["value"] - half, upper=values["value"] + half
    )


def covered(one: Universe, draws: int, seed: int) -> list[list[np.ndarray]]:
    """For each of ``NAMES``, which true values lie within their interval; scores and ranks are the first edition's."""
    framework, values = tables(one)
    simulated = simulate(score(framework, values), draws, seed, UncertaintySettings(sources=SOURCES))
    intervals = simulated.intervals[simulated.intervals["edition"] == EDITIONS[0]].set_index("id")
    changes = simulated.changes(*EDITIONS).set_index("id")
    levels = {f"c{component}": level for component, level in enumerate(one.levels)}
    moves = {f"c{component}": (true[1] - true[0]).mean(axis=1) for component, true in enumerate(one.true)}
    levels["index"], moves["index"] = (np.mean(list(own.values()), axis=0) for own in (levels, moves))
    inside: list[list[np.ndarray]] = [[] for _ in NAMES]
    for name, level in levels.items():
        own, change = intervals.loc[name], changes.loc[name]
        inside[int(name == "index")].append(_within(level, own["score_low"], own["score_high"]))
        inside[2].append(_within(pd.Series(-level).rank().to_numpy(), own["rank_low"], own["rank_high"]))
        inside[3].append(_within(moves[name], change["change_low"], change["change_high"]))
    return inside


def coverage(universes: int, draws: int, seed: int, worse: float = 1.0, drift: float = 0.0) -> dict[str, float]:
    """For each of ``NAMES``, the share of true values within their intervals, over many universes."""
    rng = np.random.default_rng(seed)
    inside: list[list[np.ndarray]] = [[] for _ in NAMES]
    for number in range(universes):
        for kept, own in zip(inside, covered(universe(rng, worse, drift), draws, number), strict=True):
            kept += own
    return {name: float(np.mean(np.concatenate(own))) for name, own in zip(NAMES, inside, strict=True)}


def _within(true: np.ndarray, low: pd.Series, high: pd.Series) -> np.ndarray:
    return np.asarray((true >= low.to_numpy()) & (true <= high.to_numpy()))


def main() -> None:
    """Print both tables."""
    scenarios: dict[str, dict[str, float]] = {
        "as the model has it": {},
        "errors twice as large, the unmeasured drifting": {"worse": 2.0, "drift": 4.0},
    }
    for words, keys in scenarios.items():
        print(words)
        for name, share in coverage(100, 400, 1, **keys).items():
            print(f"  {name:<18}{share:7.1%}")


if __name__ == "__main__":
    main()

"""From observations to the scores of one component, under every profile of the framework."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from spi_pipeline.contracts.models.framework import Framework, Profile
from spi_pipeline.contracts.models.indicators import Indicator
from spi_pipeline.engine.aggregate.parent import aggregate, contributions
from spi_pipeline.engine.impute.regression import impute_regression
from spi_pipeline.engine.normalise.linear import goalpost_scores
from spi_pipeline.engine.weights.correlation import pooled_correlation
from spi_pipeline.engine.weights.fit import component_fit
from spi_pipeline.engine.weights.given import effective_weights
from spi_pipeline.scoring.editions import PRESENT, filled_slots, slots
from spi_pipeline.scoring.tables import (
    IMPUTATION_COLUMNS,
    WEIGHT_COLUMNS,
    Areas,
    Elements,
    Flags,
    Part,
    Scored,
    contribution_rows,
    offered,
    panel_of,
    score_table,
)
from spi_pipeline.scoring.weighting import Weighting, Yardstick, weigh


@dataclass(frozen=True)
class _Component:
    """What every profile starts from.

    Attributes:
        id: of the component.
        panel: values as observed, by edition and area, one column per indicator; one of each slot in an edition.
        areas: wards and authorities.
        wards: which rows are wards.
        weighting: nominal weights of the indicators, by what a profile asks for: a slot's, whichever of it fills it.
        coverage: share of the slots that hold a value, by row.
    """

    id: str
    panel: pd.DataFrame
    areas: Areas
    wards: Flags
    weighting: dict[str, Weighting]
    coverage: pd.Series


def score_component(
    component_id: str,
    indicators: Sequence[Indicator],
    observations: pd.DataFrame,
    editions: Sequence[int],
    goalposts: pd.DataFrame,
    yardstick: Yardstick,
    framework: Framework,
    areas: Areas,
) -> Scored:
    """Score one component for every published edition and profile.

    Args:
        component_id: the component.
        indicators: its indicators.
        observations: their rows of the product ``observation``.
        editions: the published editions.
        goalposts: ``worst`` and ``best`` by indicator.
        yardstick: what the wards of England say of these indicators.
        framework: profiles and the rule of presence.
        areas: wards and authorities.

    Returns:
        Scores of the indicators and the component, weights, contributions, imputations.
    """
    chains = slots(indicators)
    ids = [indicator.id for indicator in indicators]
    directions = {indicator.id: indicator.direction for indicator in indicators}
    filled = filled_slots(observations, chains, areas, framework.publication.areas)
    chosen = set(zip(filled["authority_code"], filled["edition"], filled["indicator_id"], strict=True))
    cells = zip(
        areas.own(observations["area_code"]), observations["edition"], observations["indicator_id"], strict=True
    )
    present = observations["status"].isin(PRESENT)
    used = [known and cell in chosen for known, cell in zip(present, cells, strict=True)]
    panel = panel_of(observations[used], "value", "indicator_id", ids, editions, areas)
    component = _Component(
        id=component_id,
        panel=panel,
        areas=areas,
        wards=panel.index.get_level_values("area_code").isin(areas.wards),
        weighting={
            method: weigh(chains, directions, goalposts, yardstick, method)
            for method in {profile.weights for profile in framework.profiles.values()}
        },
        coverage=panel.notna().sum(axis=1) / len(chains),
    )
    scored = _indicator_scores(component, goalposts, framework)
    parts = [
        _under_profile(component, name, profile, *scored[profile.impute])
        for name, profile in framework.profiles.items()
    ]
    return Scored(
        score=score_table([elements for part in parts for elements in part.score], areas),
        weight=pd.concat([part.weight for part in parts], ignore_index=True),
        contribution=pd.concat([part.contribution for part in parts], ignore_index=True),
        imputation=pd.concat([part.imputation for part in parts], ignore_index=True),
    )


def _indicator_scores(
    component: _Component, goalposts: pd.DataFrame, framework: Framework
) -> dict[str, tuple[pd.DataFrame, pd.DataFrame]]:
    """Scores of the indicators and the cells filled in, by what a profile does about gaps: ``none``, ``regression``.

    Gaps of wards are filled, from the wards of the same authority; an authority's value never is.
    """
    panel = component.panel
    worst, best = goalposts.loc[panel.columns, "worst"], goalposts.loc[panel.columns, "best"]
    nothing = (goalpost_scores(panel, worst, best), pd.DataFrame(columns=IMPUTATION_COLUMNS))
    filled, cells = panel.to_numpy(copy=True), []
    own = component.areas.own(panel.index.get_level_values("area_code"))
    for authority in sorted(set(own)):
        rows = component.wards & (own == authority)
        imputed = impute_regression(panel[rows], minimum_share=framework.publication.areas)
        filled[rows] = imputed.panel.to_numpy()
        cells += [imputed.cells] if len(imputed.cells) else []
    if not cells:
        return {"none": nothing, "regression": nothing}
    scores = goalpost_scores(pd.DataFrame(filled, panel.index, panel.columns), worst, best)
    return {"none": nothing, "regression": (scores, pd.concat(cells, ignore_index=True))}


def _under_profile(
    component: _Component, name: str, profile: Profile, scores: pd.DataFrame, cells: pd.DataFrame
) -> Part:
    # An indicator that no area of an authority has in an edition is left out there: its siblings share its weight, and
    # a score needs its share of those that remain.
    remaining = np.maximum(offered(scores, component.areas).sum(axis=1), 1)
    enough = scores.notna().to_numpy().sum(axis=1) / remaining >= profile.available
    children = scores.where(np.broadcast_to(enough[:, np.newaxis], scores.shape))
    options = {"mean": profile.means["component"], "floor": profile.floor}
    weighting = component.weighting[profile.weights]
    total = aggregate(children, weighting.weights, **options).score  # type: ignore[arg-type]
    points = contributions(children, weighting.weights, **options)  # type: ignore[arg-type]
    observed = component.panel.notna().astype("float64")
    return Part(
        score=[
            Elements(name, "indicator", scores, observed),
            Elements(name, "component", total.to_frame(component.id), component.coverage.to_frame(component.id)),
        ],
        weight=_weight_rows(component.id, weighting, scores[component.wards], name),
        contribution=contribution_rows(points, profile=name, parent=component.id),
        imputation=cells.assign(profile=name)[IMPUTATION_COLUMNS],
    )


def _weight_rows(parent: str, weighting: Weighting, scores: pd.DataFrame, profile: str) -> pd.DataFrame:
    """Weights and fit.

    Where the yardstick does not cover the component its fit is that of the wards at hand, in the last of the editions
    with most slots filled: a carried value would count once more in every edition it is carried to.
    """
    filled = offered(scores)
    fullest = filled.sum(axis=1)
    edition = scores.index.get_level_values("edition")
    shown = edition == edition[fullest == fullest.max()][-1]
    held = scores.loc[shown, filled[shown][0]]
    here = pooled_correlation(held)
    fit = weighting.fit or component_fit(here.correlation, here.n)
    weights = weighting.weights
    return pd.DataFrame(
        {
            "profile": profile,
            "level": "component",
            "parent_id": parent,
            "id": weights.index,
            "weight": weights.to_numpy(),
            "effective_weight": effective_weights(held, weights[held.columns]).reindex(weights.index).to_numpy(),
            "basis": weighting.basis,
            "n": fit.n,
            "alpha": fit.alpha,
            "kmo": fit.kmo,
            "pc1_share": fit.pc1_share,
        },
        columns=WEIGHT_COLUMNS,
    )

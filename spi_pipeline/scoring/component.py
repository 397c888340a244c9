"""From observations to the scores of one component, under every profile of the framework."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from spi_pipeline.contracts.framework import Framework, Profile
from spi_pipeline.contracts.indicators import Indicator
from spi_pipeline.engine.aggregate import aggregate, contributions
from spi_pipeline.engine.impute import Imputed, impute_regression
from spi_pipeline.engine.normalise import goalpost_scores
from spi_pipeline.engine.weights import component_fit, effective_weights, pooled_correlation
from spi_pipeline.scoring.editions import PRESENT, filled_slots, slots
from spi_pipeline.scoring.tables import (
    IMPUTATION_COLUMNS,
    WEIGHT_COLUMNS,
    Areas,
    Part,
    Scored,
    contribution_rows,
    element_rows,
    ranked,
)


def score_component(
    component_id: str,
    indicators: Sequence[Indicator],
    observations: pd.DataFrame,
    editions: Sequence[int],
    framework: Framework,
    areas: Areas,
) -> Scored:
    """Score one component for every published edition and profile.

    Args:
        component_id: the component.
        indicators: its indicators.
        observations: their rows of the product ``observation``.
        editions: the published editions.
        framework: profiles and the rule of presence.
        areas: wards and authorities.

    Returns:
        Scores of the indicators and the component, weights, contributions, imputations.
    """
    chains = slots(indicators)
    rows = observations[observations["edition"].isin(editions)]
    filled = filled_slots(rows, chains, areas.wards, framework.publication.areas)
    chosen = filled[filled["indicator_id"] != ""][["edition", "indicator_id"]]
    used = rows.merge(chosen, on=["edition", "indicator_id"], validate="m:1")
    panel = used.pivot(index=["edition", "area_code"], columns="indicator_id", values="value")
    panel = panel.reindex(columns=[indicator.id for indicator in indicators])
    held = used[used["status"].isin(PRESENT)].groupby(["edition", "area_code"]).size()
    coverage = held.reindex(panel.index, fill_value=0) / len(chains)
    parts = [
        _under_profile(component_id, indicators, chains, panel, coverage, name, profile, framework, areas)
        for name, profile in framework.profiles.items()
    ]
    return Scored(
        score=ranked([rows for part in parts for rows in part.score], areas),
        weight=pd.concat([part.weight for part in parts], ignore_index=True),
        contribution=pd.concat([part.contribution for part in parts], ignore_index=True),
        imputation=pd.concat([part.imputation for part in parts], ignore_index=True),
    )


def _under_profile(
    component_id: str, indicators: Sequence[Indicator], chains: Sequence[Sequence[str]], panel: pd.DataFrame,
    coverage: pd.Series, name: str, profile: Profile, framework: Framework, areas: Areas,
) -> Part:  # fmt: skip
    filled, cells = _filled(panel, profile, framework, areas)
    worst = pd.Series({indicator.id: indicator.goalposts.worst for indicator in indicators})
    best = pd.Series({indicator.id: indicator.goalposts.best for indicator in indicators})
    scores = goalpost_scores(filled, worst, best)
    weights = pd.Series({name: 1 / len(chains) for chain in chains for name in chain})
    # An indicator absent for every area of an edition is left out: its siblings share its weight, and a score needs its
    # share of those that remain.
    offered = scores.notna().groupby(level="edition").transform("any").sum(axis=1)
    enough = scores.notna().sum(axis=1) >= profile.available * offered
    children = scores[enough]
    options = {"mean": profile.means["component"], "floor": profile.floor}
    total = aggregate(children, weights, **options).score  # type: ignore[arg-type]
    points = contributions(children, weights, **options)  # type: ignore[arg-type]
    observed = panel.notna().astype("float64")
    wards = scores[scores.index.get_level_values("area_code").isin(areas.wards)]
    return Part(
        score=[
            element_rows(scores, observed, profile=name, level="indicator"),
            element_rows(
                total.reindex(scores.index).to_frame(component_id),
                coverage.to_frame(component_id),
                profile=name,
                level="component",
            ),
        ],
        weight=_weight_rows(component_id, wards, weights, name),
        contribution=contribution_rows(points, profile=name, parent=component_id),
        imputation=cells.assign(profile=name)[IMPUTATION_COLUMNS],
    )


def _filled(
    panel: pd.DataFrame, profile: Profile, framework: Framework, areas: Areas
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The panel with gaps of wards filled as the profile says; an authority's value is never imputed."""
    wards = panel[panel.index.get_level_values("area_code").isin(areas.wards)]
    if profile.impute == "none":
        nothing = Imputed(panel=wards, cells=pd.DataFrame(columns=IMPUTATION_COLUMNS))
        return panel, nothing.cells
    imputed = impute_regression(wards, minimum_share=framework.publication.areas)
    filled = panel.copy()
    filled.loc[imputed.panel.index] = imputed.panel
    return filled, imputed.cells


def _weight_rows(component_id: str, scores: pd.DataFrame, weights: pd.Series, profile: str) -> pd.DataFrame:
    """Weights and fit. No reference wide enough is at hand yet, so every profile weights equally and says so.

    Alpha, KMO and the first component's share are those of the newest edition's indicators over all editions in which
    they stand together.
    """
    newest = scores.loc[scores.index.get_level_values("edition").max()].dropna(axis="columns", how="all").columns
    pooled = pooled_correlation(scores[newest])
    fit = component_fit(pooled.correlation, pooled.n)
    effective = effective_weights(scores[newest], weights[newest])
    frame = pd.DataFrame({"id": weights.index, "weight": weights.to_numpy()})
    return frame.assign(
        profile=profile,
        level="component",
        parent_id=component_id,
        effective_weight=frame["id"].map(effective),
        basis="equal",
        n=fit.n,
        alpha=fit.alpha,
        kmo=fit.kmo,
        pc1_share=fit.pc1_share,
    )[WEIGHT_COLUMNS]

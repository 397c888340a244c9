"""Wards as steps read them: their boundaries, and the points that lie in each. Each is computed once per run."""

from __future__ import annotations

import numpy as np
import pandas as pd

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.contracts.models.geography import ENGLAND
from spi_pipeline.geography.points import place_points, place_whole
from spi_pipeline.geography.shapes import Array
from spi_pipeline.indicators.incidents import counts_by_place
from spi_pipeline.rules.wording import listing
from spi_pipeline.steps.inputs import Inputs


def wards(inputs: Inputs, contracts: Contracts) -> pd.DataFrame:
    """Ward boundaries with ``parent_code``, the wards' authority; a boundary is null if best fit needs none.

    Raises:
        SpiError: when a boundary that places incidents is missing: the incidents would be counted nowhere.
    """
    frame = judged_in(inputs.frame("wards"), contracts).rename(columns={"authority_code": "parent_code"})
    drawn = contracts.geography.drawn
    undrawn = sorted(frame.loc[frame["geometry"].isna() & frame["parent_code"].isin(drawn), "area_code"])
    if undrawn:
        raise SpiError(
            f"table wards has no boundary for {listing(undrawn)}; supply it, or set placed_by: best_fit for their "
            "authority in geography.yaml"
        )
    return frame


def judged_in(lookup: pd.DataFrame, contracts: Contracts) -> pd.DataFrame:
    """A lookup with ``authority_code`` of the authority that wards are compared in: their council, or England."""
    return lookup.assign(authority_code=ENGLAND) if contracts.geography.national else lookup


def boundaries(inputs: Inputs, contracts: Contracts) -> pd.DataFrame:
    """Ward boundaries with the authority that table ``area`` gives each ward."""

    def merged() -> pd.DataFrame:
        authority = inputs.frame("area")[["area_code", "parent_code"]]
        return wards(inputs, contracts).drop(columns="parent_code").merge(authority, on="area_code", validate="1:1")

    return inputs.derived("boundaries", ("wards", "area"), merged)


def placed(inputs: Inputs, contracts: Contracts, source_id: str, *, by_point: bool = False) -> pd.DataFrame:
    """The rows of a source; for a source of points, its counts by ward as ``counts_by_place`` returns them.

    If wards have no boundaries, the LSOA that the publisher names decides.

    Raises:
        SpiError: when neither boundaries nor LSOAs place the points of an authority.
    """
    source = contracts.sources[source_id]
    if not source.of_points:
        return inputs.frame(source_id)

    def place(points: pd.DataFrame) -> Array:
        drawn = wards(inputs, contracts)
        undrawn = drawn[drawn["geometry"].isna()]
        ward = place_points(points["longitude"], points["latitude"], drawn)
        if len(undrawn) and "lsoa_code" in points:
            weights = inputs.frame("allocation")
            own = weights["area_code"].isin(undrawn["area_code"])
            return np.where(pd.isna(ward), place_whole(points["lsoa_code"], weights[own]), ward)
        if unplaced := sorted(set(undrawn["parent_code"]) & contracts.geography.holding(source_id)):
            raise SpiError(
                f"source {source_id} holds points without LSOAs, and the wards of {listing(unplaced)} have no "
                f"boundaries; supply boundaries, or list {source_id} under without in geography.yaml"
            )
        return ward

    return inputs.derived(
        "placed by point" if by_point else "placed",
        (source_id, "wards", "allocation"),
        lambda: counts_by_place(inputs.stored(source_id).file, source, place, by_point=by_point),
    )

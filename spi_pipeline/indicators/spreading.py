"""The error of allocation: small areas are shared out among wards, or placed whole into one.

``geography`` decides how much of an area lies in each ward; ``intervals`` covers the measurement error of a value.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from spi_pipeline.engine.panel import Array
from spi_pipeline.geography.codes import LEVEL_OF

# Variance of the difference between the part of an area that lies in one ward and the rest of it, as a multiple of the
# variance between areas. Pieces of one MSOA differ almost as much as two MSOAs drawn at random, whose difference has
# twice their variance. Estimated by ``contrast_ratio`` over 34 figures of nine census tables of Luton. No figures are
# published below output areas, so output areas take the ratio of LSOAs. Only a council's own areas divide wards, which
# take the ratio of MSOAs.
CONTRAST = {"oa": 1.5, "lsoa": 1.5, "msoa": 1.8, "ward": 1.8}

# Where small areas are placed whole, by their best-fit ward, a ward gains some that lie partly in another and lacks
# parts of its own. Let f be the shares of areas in the ward as placed, and t their shares in the true ward. For a ward
# of n small areas placed whole, Σ (f − t)² is c / n on average: the more areas, the less one on the edge matters. The
# table holds c by method of placing and level of the figures; ``size`` holds the c of the squared relative error of the
# ward's residents. Estimated by ``misplacement_ratios`` over Luton's wards, whose true shares are those by postcodes.
# The best fit of LSOAs changes indicators of deprivation there: the 90 % band of this error holds 95 in a hundred of
# the differences, and their root mean square is 0.4 to 1.3 times the error. Crimes of town centres are the exception.
# In theft, violence and public order the ward that holds the centre is so far off that the root mean square is 2.1 to
# 2.6 times the error.
MISPLACED = {
    "output_areas": {"oa": 0.024, "lsoa": 0.034, "msoa": 0.029, "ward": 0.0, "size": 0.041},
    "best_fit": {"oa": 0.031, "lsoa": 0.072, "msoa": 0.052, "ward": 0.0, "size": 0.069},
}


def misplacement(weights: pd.DataFrame, authority_of: Mapping[str, str]) -> pd.DataFrame:
    """The uncertainty that placing small areas whole causes in each ward: ``MISPLACED`` over the number placed there.

    Args:
        weights: the allocation table, all geographies.
        authority_of: authority of each ward, by ward code.

    Returns:
        By ward the columns ``oa``, ``lsoa``, ``msoa``, ``ward`` and ``size``; 0 where nothing is placed whole, and in
        an authority with a single ward.
    """
    ratios_by_method = []
    for method, ratios in MISPLACED.items():
        reached = weights.loc[weights["method"] == method, "area_code"].unique()
        # Output areas placed with their LSOA are not counted one by one.
        placed = weights[weights["geography"] == ("oa21" if method == "output_areas" else "lsoa21")]
        number = placed.groupby("area_code").size().reindex(reached)
        ratios_by_method.append(pd.DataFrame({level: ratio / number for level, ratio in ratios.items()}))
    authority = pd.Series(authority_of)
    several = authority.index[authority.duplicated(keep=False)]
    return pd.concat(ratios_by_method).groupby(level=0).max().reindex(several).reindex(authority.index).fillna(0.0)


def spreading_error(
    figures: pd.DataFrame,
    weights: pd.DataFrame,
    authority_of: Mapping[str, str],
    *,
    counted: bool,
    misplaced: pd.DataFrame | None = None,
) -> Array:
    """The standard error from sharing out and misplacing areas, for wards and then their authorities.

    An area p has the rate ``x_p`` on the base ``d_p``; the share ``w`` of it lies in ward i. The rate of that part is
    ``x_p + (1 − w) δ``. Here δ, the rate of the part less that of the rest, has mean 0 and variance ``c σ²``: σ² is the
    variance of the figure's own rates between areas, weighted by base, and c the ratio ``CONTRAST`` of the level. Areas
    are independent, so the ward's count has the error ``√(Σ_p (w d_p (1 − w))² c σ²)``; an area wholly inside adds
    none. Within an authority the errors of the parts of one area cancel. A part of a count lies between zero and the
    whole count, so its variance is at most ``n_p² w (1 − w)`` (Bhatia and Davis, 2000). An area with a count of 0 adds
    none.

    Where areas are placed whole, the ward's rate ``Σ f_p x_p`` differs from ``Σ t_p x_p`` with the variance
    ``σ² Σ (f_p − t_p)²``, since nothing is known that distinguishes the areas. This variance is added for wards. Within
    their authority it cancels: an area that one ward lacks belongs to another.

    Source: the decomposition of a total into between- and within-cluster variance (Cochran, Sampling Techniques, 1977,
    chapter 9). The within part is a contrast of two pieces, because a ward's part is one connected piece and not a
    random draw of small areas. Of the forms tried, (1 − w)² leaves a ratio that hardly depends on w.

    Args:
        figures: ``area_code``, ``count`` (of events; or value × base) and ``base``; missing where unknown.
        weights: the rows of ``allocation`` for the geography of the figures.
        authority_of: authority of each ward, by ward code, in the order of the result.
        counted: whether ``count`` is a count; averages have no such bound.
        misplaced: as ``misplacement`` returns it; None where no area is placed whole.

    Returns:
        One number for each ward, then for each authority by code, in the unit of ``count``; missing where an area is
        split and fewer than two areas leave the spread between areas unknown.
    """
    known = figures[(figures["base"] > 0) & figures["count"].notna()]
    rate, base = known["count"] / known["base"], known["base"]
    spread = float(np.average((rate - np.average(rate, weights=base)) ** 2, weights=base)) if len(known) > 1 else np.nan
    ratio = known["area_code"].str[1:3].map(LEVEL_OF).map(CONTRAST)
    variance = pd.DataFrame({"moved": base**2 * ratio * spread, "most": known["count"] ** 2 if counted else np.inf})
    variance.index = pd.Index(known["area_code"])
    wards = weights["area_code"]
    by_area = [
        pd.DataFrame({"area": area, "part": weights["small_area_code"], "weight": weights["weight"]})
        for area in (wards, wards.map(authority_of))
    ]
    parts = pd.concat(by_area).groupby(["area", "part"], as_index=False)["weight"].sum()
    split = parts[(parts["weight"] < 1 - 1e-9) & parts["part"].isin(variance.index)]
    both, of = split["weight"] * (1 - split["weight"]), variance.loc[split["part"]]
    moved = np.minimum(both**2 * of["moved"].to_numpy(), both * of["most"].to_numpy())
    total = moved.groupby(split["area"]).sum(min_count=1)
    areas = [*authority_of, *sorted(set(authority_of.values()))]
    total = total.reindex(areas, fill_value=0.0)
    if misplaced is not None:
        share = misplaced[sorted(set(known["area_code"].str[1:3].map(LEVEL_OF)))].max(axis=1)
        share = share[share > 0]
        placed = weights["weight"] * weights["small_area_code"].map(pd.Series(base.to_numpy(), variance.index))
        size = placed.groupby(wards).sum().reindex(share.index, fill_value=0.0)
        total += (size**2 * share * spread).reindex(areas, fill_value=0.0)
    error: Array = np.sqrt(total.to_numpy(dtype=float))
    return error

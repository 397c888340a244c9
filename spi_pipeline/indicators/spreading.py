"""How far a value may be off because larger areas were shared out among wards: the error of allocation.

How much of an area lies in which ward is the geography's; what a value's own measurement may have got wrong is in
``intervals``.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

from spi_pipeline.geography.codes import LEVEL_OF

Array = npt.NDArray[np.float64]

# Variance of the difference between the part of an area that lies in one ward and the rest of it, as a multiple of the
# variance between areas: pieces of one MSOA differ as much as two MSOAs drawn at random, whose difference has twice
# their variance. Estimated by ``contrast_ratio`` over 34 figures of nine census tables of Luton. Nothing is published
# below output areas, so theirs is taken to be that of LSOAs.
CONTRAST = {"oa": 1.5, "lsoa": 1.5, "msoa": 1.8, "ward": 0.0}


def spreading_error(
    figures: pd.DataFrame, weights: pd.DataFrame, authority_of: Mapping[str, str], *, counted: bool
) -> Array:
    """The standard error of what was shared out, for wards and then their authorities.

    An area p has the rate ``x_p`` on the base ``d_p``; the share ``w`` of it lies in ward i. The rate of that part is
    ``x_p + (1 − w) δ``, where δ, the rate of the part less that of the rest, has mean 0 and the variance
    ``c σ²``: σ² is the variance of the figure's own rates between areas, by base, and c the ratio ``CONTRAST`` of the
    level. Areas are independent, so the ward's count has the error ``√(Σ_p (w d_p (1 − w))² c σ²)``; an area wholly
    inside adds none. The parts of one area cancel in the authority it lies in. A part of a count lies between nothing
    and all of it, so its variance is at most ``n_p² w (1 − w)`` (Bhatia and Davis, 2000): where nobody is counted,
    none can be misplaced.

    Source: the decomposition of a total into between- and within-cluster variance (Cochran, Sampling Techniques, 1977,
    chapter 9), with the within part as a contrast of two pieces, since a ward's part is one connected piece and not a
    random draw of small areas: of the forms tried, (1 − w)² leaves a ratio that hardly depends on w.

    Args:
        figures: ``area_code``, ``count`` (of events; or value × base) and ``base``; missing where not known.
        weights: the rows of ``allocation`` for the geography of the figures.
        authority_of: authority of each ward, by ward code, in the order of the result.
        counted: whether ``count`` is one; what is averaged has no such bound.

    Returns:
        One number for each ward, then for each authority by code, in the unit of ``count``; missing where an area is
        split and the spread between areas cannot be told from fewer than two.
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
    error: Array = np.sqrt(total.reindex(areas, fill_value=0.0).to_numpy(dtype=float))
    return error

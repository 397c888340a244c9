"""The sentences that ``explain`` puts together: one for each method, with its formula.

Options are in braces; ``DEFAULTS`` holds their default values.
"""

from __future__ import annotations

from typing import Any

NORMALISE = {
    "goalposts": "s = {span} × {share}",
    "minmax": "s = {span} × (x − min) / (max − min), over the whole panel",
    "scaled": "s = {scale:g} (x − {lower:g}) / ({upper:g} − {lower:g})",
    "z": "s = {mean:g} + {sd:g} (x − m) / s, m and s those of the whole panel ({divisor})",
    "base_year_z": "s = {mean:g} + {sd:g} (x − m) / s, m and s those of {base}, weighted by population where it is "
    "given: s = √(Σ w (x − m)² / (Σ w − Σ w² / Σ w))",
    "rank": "s = rank within the edition, 1 for the worst; {ties}",
    "percentile_rank": "s = {scale:g} (rank − 1) / (n − 1) within the edition; {ties}",
    "borda": "s = rank − 1 within the edition; {ties}",
    "normal": "s = {mean:g} + {sd:g} Φ⁻¹(rank / (n + 1)) within the edition; {ties}",
    "maximum": "s = {scale:g} (1 − (max − x) / (max − min))",
    "target": "s = {scale:g} (1 − (target − x) / (target − min)){cap}",
    "reference": "s = {scale:g} (1 − (r − x) / (r − min)){cap}, r the value of {area_code} in the edition",
    "fraction": "s = {scale:g} x / max, or {scale:g} min / x where lower is better",
    "exponential": "s = −23 ln(1 − R (1 − e^(−100/23))) with R = rank / N within the edition; {ties}{kept}",
    "exponential_of_ranks": "s = −23 ln(1 − R (1 − e^(−100/23))) with R = (N + 1 − r) / N, r the published rank, N "
    "{count}",
    "none": "the values are already scores, with their sign reversed where lower is better",
}
IMPUTE = {
    "none": "stays missing",
    "regression": "is estimated by regression on two or more other indicators of the same parent, within the observed "
    "range, or by the mean of the other areas where that misses known values by less, where {minimum_share:.0%} of the "
    "areas have the indicator",
    "mean": "takes the mean of the edition",
    "median": "takes the median of the edition",
    "group_mean": "takes the mean of its group in the edition",
    "group_median": "takes the median of its group in the edition",
    "last": "takes the area's latest earlier value",
    "linear": "lies on the straight line in time between the area's values",
    "neighbours": "takes the mean of the {neighbours} most similar areas",
}
WEIGHTS = {
    "given": "the declared weights (1 where none is), scaled to sum to 1",
    "shares": "the declared weights; shares that sum to 1 within 0.02 are used as published, others are scaled to "
    "sum to 1",
    "equal": "equal weights",
    "pca": "w_i ∝ v_i / sd_i, v the first eigenvector of {matrix}; {negative}",
    "pca_loadings": "w_i ∝ v_i, the first eigenvector of {matrix}; {negative}",
    "factor": "w_i ∝ l_i / (u_i sd_i), loadings l and uniquenesses u of one common factor by maximum likelihood; equal "
    "weights where a loading is not positive",
    "correlation_balanced": "weights under which every child correlates equally with the parent; equal weights where "
    "no positive ones do",
    "random": "the declared weights, each drawn once from up to {spread:.0%} below to above (seed {seed})",
}
AGGREGATE = {
    "arithmetic": "Σ w s / Σ w",
    "geometric": "exp(Σ w ln s / Σ w)",
    "harmonic": "Σ w / Σ (w / s)",
    "generalised": "(Σ w s^b / Σ w)^(1/b) with b = {order:g}",
    "median": "the weighted median",
    "minimum": "the lowest s",
    "maximum": "the highest s",
    "inverted_geometric": "T (T − G) / (T − 1), G the geometric mean of 1 + (T − 1)(T − s) / T, T = {scale:g}",
    "mazziotta_pareto": "M {sign} S² / M with M = Σ w s / Σ w and S² = Σ w (s − M)² / Σ w",
    "copeland": "100 × the share of the other areas beaten by a weighted majority of the children both have, half for "
    "each that neither beats nor is beaten",
    "outranking": "100 × the mean weighted share of comparisons with the other areas won, over the children both have, "
    "half for equal scores",
    "sum": "Σ w s",
    "product": "Π s^w",
}
MISSING = {
    "renormalise": "the weights of those present are scaled up",
    "group_mean": "it takes the mean of its group",
    "blank": "the parent stays blank",
}
TRANSFORM = {
    "log": "ln {x}",
    "square": "x²",
    "cube": "x³",
    "square_root": "√{x}",
    "cube_root": "∛x",
    "reciprocal": "1 / {x}",
    "logit": "ln(x / ({upper:g} − x))",
    "box_cox": "({x}^λ − 1) / λ, λ {exponent}",
}
TIES = {"min": "ties share the lowest place", "average": "ties share the mean place", "max": "ties share the highest"}
# Default values of the options of methods.
DEFAULTS: dict[str, dict[str, Any]] = {
    "scaled": {"lower": 0, "upper": 100},
    "z": {"mean": 0, "sd": 1},
    "normal": {"mean": 0, "sd": 1, "ties": "average"},
    "exponential": {"ties": "average"},
    "base_year_z": {"mean": 100, "sd": 10},
    "regression": {"minimum_share": 0.65},
    "neighbours": {"neighbours": 5},
    "random": {"spread": 0.25, "seed": 0},
}


def filled(sentences: dict[str, str], method: str, options: dict[str, Any], scale: float) -> str:
    """The sentence of a method with its options filled in."""
    settings = {**DEFAULTS.get(method, {}), **options}
    low, high = settings.get("low", 0), settings.get("high", scale)
    count = settings.get("count")
    phrases = {
        "scale": scale,
        "span": f"{low:g} + ({high:g} − {low:g})" if low else f"{high:g}",
        "divisor": "n" if settings.get("ddof") == 0 else "n − 1",
        "base": f"edition {settings['base']}" if "base" in settings else "the first edition",
        "ties": TIES[str(settings.get("ties", "min"))],
        "share": "(x − worst) / (best − worst)"
        if settings.get("clip") is False
        else "clip((x − worst) / (best − worst), 0, 1)",
        "kept": "" if "ties" in options else "; values that are already ranks are not ranked again",
        "cap": f", {scale:g} at most" if settings.get("cap") else "",
        "count": "the number of areas in the edition" if count is None else f"= {count:g}",
        "matrix": "a declared correlation matrix"
        if "correlation" in settings
        else "the correlation matrix over all complete rows, editions pooled",
        "negative": "negative loadings are kept"
        if settings.get("allow_negative")
        else "equal weights where a loading is not positive",
        "sign": "+" if settings.get("sign") == "plus" else "−",
    }
    return sentences[method].format(**{**settings, **phrases})

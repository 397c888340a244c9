"""What the pages of the index say beyond rows and rules: weights, fit, points, and how sure it all is.

Small Markdown tables, which Dagster shows on the page itself as long as they stay below a thousand characters. What
every page shows is in ``metadata``.
"""

from __future__ import annotations

import pandas as pd

from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.orchestration.markdown import markdown
from spi_pipeline.orchestration.plan import Step
from spi_pipeline.orchestration.reader import Reader

BAR = 20
# A weight or fit in full pushes the last columns out of the page.
DECIMALS = 4
SCORED_KINDS = ("component", "dimension", "index")


def index_page(step: Step, contracts: Contracts, reader: Reader) -> dict[str, str]:
    """Markdown tables by name; none for a step that has no page of its own."""
    if step.kind in SCORED_KINDS:
        return _scored_page(step, contracts, reader)
    if step.kind == "rank_interval":
        return {"varied": _varied(reader.frame("doubt"))}
    if step.kind == "sensitivity":
        return {"what_drives_the_doubt": _shares(reader.frame("sensitivity"), contracts)}
    if step.kind == "scorecard":
        return {"verdicts": _verdicts(reader.frame("scorecard"), contracts)}
    return {}


def _scored_page(step: Step, contracts: Contracts, reader: Reader) -> dict[str, str]:
    weights, points = reader.frame(f"weight.{step.name}"), reader.frame(f"contribution.{step.name}")
    profiles = list(contracts.framework.profiles)
    by_profile = weights.set_index(["id", "profile"])
    shown = by_profile["weight"].unstack()[profiles]
    shown[f"effective, {profiles[0]}"] = by_profile["effective_weight"].unstack()[profiles[0]]
    fit = weights.drop_duplicates("profile").set_index("profile").loc[profiles]
    fit = fit[["basis", "n", "alpha", "kmo", "pc1_share"]].reset_index()
    return {
        "weights": _table(shown.round(DECIMALS).reset_index()),
        "fit": _table(fit.round(DECIMALS)),
        "contributions": _table(_points(points, contracts)),
    }


def _points(points: pd.DataFrame, contracts: Contracts) -> pd.DataFrame:
    """What each child adds in the newest edition under the first profile: over wards, and to each authority."""
    profile = next(iter(contracts.framework.profiles))
    own = points[(points["profile"] == profile) & (points["edition"] == points["edition"].max())]
    wards = own[own["area_code"].isin(contracts.geography.ward_codes)].groupby("id")["contribution"]
    found = pd.DataFrame({"least": wards.min(), "mean": wards.mean(), "most": wards.max()}).round(2)
    for authority in contracts.geography.authorities:
        part = own[own["area_code"] == authority.code].set_index("id")["contribution"]
        found[authority.name] = part.round(2)
    heading = f"points, {own['edition'].max()}, {profile}"
    return found.sort_values("mean", ascending=False).rename_axis(heading).reset_index()


def _varied(doubt: pd.DataFrame) -> str:
    """What was varied in the newest edition; what several profiles and authorities have in common is said once."""
    newest = doubt[doubt["edition"] == doubt["edition"].max()]
    said = newest.groupby(["source", "varied", "how"])["profile"].agg(lambda names: ", ".join(sorted({*names})))
    return _table(said.rename("profiles").reset_index())


def _shares(shares: pd.DataFrame, contracts: Contracts) -> str:
    """What drives the doubt under the first profile: a sentence, then total shares as bars, largest first."""
    profile = next(iter(contracts.framework.profiles))
    own = shares[(shares["profile"] == profile) & shares["total"].notna()]
    told = []
    for authority in contracts.geography.authorities:
        part = own[own["authority_code"] == authority.code].sort_values("total", ascending=False)
        if part.empty:
            continue
        names, totals = part["source"].tolist(), part["total"].tolist()
        second = f", {names[1]} in {totals[1]:.0%}" if len(names) > 1 else ""
        told.append(
            f"{authority.name}, {part['edition'].iloc[0]}, {profile}: {names[0]} has a part in {totals[0]:.0%} of what "
            f"moves the ranks{second}."
        )
        ends = zip(part["total_low"], part["total_high"], strict=True)
        rows = [
            {"source": name, "total": f"{total:.2f}", "90 %": f"{low:.2f}–{high:.2f}", "": "█" * round(BAR * total)}
            for name, total, (low, high) in zip(names, totals, ends, strict=True)
        ]
        told.append(markdown(rows))
    return "\n\n".join(told) or "no rank moves"


def _verdicts(cards: pd.DataFrame, contracts: Contracts) -> str:
    """How many wards are strong or weak in each component of the newest edition, under the first profile."""
    profile = next(iter(contracts.framework.profiles))
    own = cards[(cards["profile"] == profile) & (cards["edition"] == cards["edition"].max())]
    own = own[own["level"] == "component"]
    return _table(pd.crosstab(own["id"], own["verdict"]).rename_axis(columns=None).reset_index())


def _table(frame: pd.DataFrame) -> str:
    rows = frame.astype(object).where(frame.notna(), "").to_numpy()
    return markdown([dict(zip(map(str, frame.columns), row, strict=True)) for row in rows])

"""How certain scores, ranks and changes are, and what drives the uncertainty: the whole index simulated many times."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.steps.indicator import part_of
from spi_pipeline.steps.inputs import Inputs
from spi_pipeline.steps.pages.markdown import framed, markdown
from spi_pipeline.steps.pages.page import Facts, Markdown, Page, PageData, source_facts
from spi_pipeline.steps.pages.pictures import Ranked, rank_plot, score_map
from spi_pipeline.steps.scored import areas, trees_of
from spi_pipeline.steps.step import Step, products

BAR = 20
VERDICTS = ["rose", "fell", "not_distinguishable", "cannot_tell"]


def uncertainty_steps(contracts: Contracts) -> list[Step]:
    """The step of the products ``rank_interval``, ``doubt`` and ``change``, and the step of ``sensitivity``."""
    values = [part_of(item.id) for item in contracts.active]
    inputs = (*values, "indicator", "edition", "reference")
    drawn = tuple((name, end) for name in values for end in ("value", "lower", "upper"))
    return [
        Step(
            name="uncertainty",
            kind="uncertainty",
            group="analysis",
            inputs=inputs,
            outputs=("rank_interval", "doubt", "change"),
            files=("framework.yaml", *products("rank_interval", "doubt", "change")),
            does=uncertain,
            page=Page(about=_about, shows=_shows, adds=_adds),
            title="Uncertainty of scores, ranks and changes",
            description="All editions recomputed many times under every profile, with every source of uncertainty "
            "drawn at random: where each score and rank lies in nine of ten recalculations, how far each score moved "
            "between editions, whether that can be distinguished from noise, and what was varied.",
            lineage={"rank_low": drawn, "change": drawn},
        ),
        Step(
            name="sensitivity",
            kind="sensitivity",
            group="analysis",
            inputs=inputs,
            outputs=("sensitivity",),
            files=("framework.yaml", *products("sensitivity")),
            does=sensitivity,
            page=Page(shows=_shares),
            title="What drives the uncertainty",
            description="The share of every source of uncertainty in the movement of ranks of the newest edition.",
            lineage={"total": drawn},
        ),
    ]


def observed(inputs: Inputs) -> pd.DataFrame:
    """The values of the published editions."""
    rows = inputs.parts("indicator_value")
    return rows[rows["edition"].isin(set(inputs.frame("edition")["edition"]))]


def uncertain(step: Step, contracts: Contracts, inputs: Inputs) -> Mapping[str, pd.DataFrame]:
    """The products ``rank_interval``, ``doubt`` and ``change``."""
    from spi_pipeline.scoring.uncertainty import uncertainty

    settings = contracts.framework.uncertainty
    return uncertainty(trees_of(contracts, inputs), observed(inputs), areas(contracts), settings)


def sensitivity(step: Step, contracts: Contracts, inputs: Inputs) -> Mapping[str, pd.DataFrame]:
    """The product ``sensitivity``."""
    from spi_pipeline.scoring.uncertainty import drivers

    rows, settings = observed(inputs), contracts.framework.uncertainty
    newest = rows[rows["edition"] == rows["edition"].max()]
    return {"sensitivity": drivers(trees_of(contracts, inputs), newest, areas(contracts), settings)}


def _about(step: Step, contracts: Contracts) -> Facts:
    sources = list(dict.fromkeys(name for item in contracts.active for name in contracts.sources_of(item)))
    return {"unit": "points", **source_facts(sources, contracts)}


def _shows(step: Step, contracts: Contracts, data: PageData) -> Facts:
    """The sources of uncertainty that were varied, merged over profiles and authorities, and the wards that moved."""
    rows = data.frame("doubt").groupby(["source", "varied", "how"])
    varied = rows["profile"].agg(lambda names: ", ".join(sorted({*names})))
    return {
        "varied": Markdown(framed(varied.rename("profiles").reset_index())),
        "moved": Markdown(framed(_moved(data.frame("change"), contracts))),
    }


def _adds(step: Step, contracts: Contracts, data: PageData) -> Mapping[tuple[str, str], Facts]:
    """A map of the wards and their likely ranks, for the pages of the index and its components."""
    framework, profile = contracts.framework, next(iter(contracts.framework.profiles))
    intervals, names = data.frame("rank_interval"), {ward.code: ward.name for ward in contracts.geography.wards}
    newest = intervals[(intervals["edition"] == intervals["edition"].max()) & (intervals["profile"] == profile)]
    facts: dict[tuple[str, str], Facts] = {}
    for key in (*(("component", name) for name in framework.components), ("index", framework.id)):
        scores = data.frame(f"element_score.{key[1]}")
        scores = scores[(scores["edition"] == newest["edition"].max()) & (scores["profile"] == profile)]
        if scores.empty:  # the component is left out
            continue
        rows = scores[scores["id"] == key[1]].merge(
            newest[newest["id"] == key[1]], on="area_code", how="left", validate="one_to_one"
        )
        wards, town = rows[rows["area_code"].isin(names)], rows.loc[~rows["area_code"].isin(names), "score"]
        ranked = wards.dropna(subset=["rank", "rank_low", "rank_high"])
        figures = zip(ranked["area_code"], ranked["rank"], ranked["rank_low"], ranked["rank_high"], strict=True)
        drawn = {
            "likely_ranks": rank_plot(
                [Ranked(names[code], int(r), int(low), int(high)) for code, r, low, high in figures]
            ),
            "map": score_map(data.frame("wards"), wards.set_index("area_code")["score"].to_dict(), town.mean()),
        }
        facts[key] = {name: Markdown(picture) for name, picture in drawn.items() if picture}
    return facts


def _moved(changes: pd.DataFrame, contracts: Contracts) -> pd.DataFrame:
    """In how many wards each component moved between the two newest editions, under the first profile."""
    profile, components = next(iter(contracts.framework.profiles)), list(contracts.framework.components)
    newest = changes[changes["edition_to"] == changes["edition_to"].max()]
    newest = newest[newest["edition_from"] == newest["edition_from"].max()]
    wards = newest["area_code"].isin(contracts.geography.ward_codes)
    own = newest[wards & newest["id"].isin(components) & (newest["profile"] == profile)]
    counts = pd.crosstab(own["id"], own["verdict"]).reindex(index=components, columns=VERDICTS, fill_value=0)
    pair = " to ".join(map(str, newest[["edition_from", "edition_to"]].iloc[0])) if len(newest) else "no two editions"
    return counts.rename(columns=lambda name: name.replace("_", " ")).rename_axis(f"{pair}, {profile}").reset_index()


def _shares(step: Step, contracts: Contracts, data: PageData) -> Facts:
    """What drives the uncertainty under the first profile: a sentence, then total shares as bars, largest first."""
    shares = data.frame("sensitivity")
    profile = next(iter(contracts.framework.profiles))
    own = shares[(shares["profile"] == profile) & shares["total"].notna()]
    paragraphs = []
    for authority in contracts.geography.authorities:
        part = own[own["authority_code"] == authority.code].sort_values("total", ascending=False)
        if part.empty:
            continue
        names, totals = part["source"].tolist(), part["total"].tolist()
        second = f", {names[1]} in {totals[1]:.0%}" if len(names) > 1 else ""
        paragraphs.append(
            f"{authority.name}, {part['edition'].iloc[0]}, {profile}: {names[0]} has a part in {totals[0]:.0%} of what "
            f"moves the ranks{second}."
        )
        ends = zip(part["total_low"], part["total_high"], strict=True)
        rows = [
            {"source": name, "total": f"{total:.2f}", "90 %": f"{low:.2f}–{high:.2f}", "": "█" * round(BAR * total)}
            for name, total, (low, high) in zip(names, totals, ends, strict=True)
        ]
        paragraphs.append(markdown(rows))
    return {"what_drives_the_doubt": Markdown("\n\n".join(paragraphs) or "no rank moves")}

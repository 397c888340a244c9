"""The scores of a component, a dimension and the index, each from those below it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd
import pyarrow as pa

from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.rules.evaluation import EMPTY_BECAUSE
from spi_pipeline.scoring.areas import Areas
from spi_pipeline.scoring.england import england_percentile
from spi_pipeline.scoring.left_out import in_words, left_out
from spi_pipeline.steps.indicator import part_of as values_of
from spi_pipeline.steps.inputs import UNAVAILABLE, Inputs
from spi_pipeline.steps.pages.markdown import framed, markdown
from spi_pipeline.steps.pages.page import Facts, Markdown, Page, PageData, source_facts
from spi_pipeline.steps.pages.previews import scores
from spi_pipeline.steps.step import Step, empty, products

if TYPE_CHECKING:
    from spi_pipeline.scoring.tree import Tree

# The tables that a component writes, each a part of the product of that name; higher levels impute nothing.
SCORED = ("element_score", "weight", "contribution", "imputation")
SCORE = "element_score."
# Weights and fits with more decimals push the last columns off the page.
DECIMALS = 4


def component_step(contracts: Contracts, component_id: str) -> Step:
    """The step of a component."""
    component = contracts.framework.components[component_id]
    values = tuple(values_of(item.id) for item in contracts.indicators_of(component_id))
    return Step(
        name=component_id,
        kind="component",
        group="components",
        inputs=(*values, "edition", "indicator", "reference", UNAVAILABLE),
        outputs=tuple(f"{table}.{component_id}" for table in SCORED),
        files=(f"indicators/{component_id}.yaml", "framework.yaml", *products(*SCORED)),
        does=component_scores,
        page=Page(about=_about_component, shows=_shows_component, preview=_preview),
        title=component.title,
        description=component.description,
        operation="components",
        lineage={
            "score": (*((name, "value") for name in values), ("indicator", "worst"), ("indicator", "best")),
            "weight": (("reference", "value"),),
        },
    )


def parent_steps(contracts: Contracts) -> list[Step]:
    """The steps of the dimensions, then of the index."""
    framework = contracts.framework
    steps = [
        _parent_step(contracts, each.id, "dimension", each.description, [item.id for item in each.components])
        for each in framework.dimensions
    ]
    top = [each.id for each in framework.dimensions]
    return [*steps, _parent_step(contracts, framework.id, "index", framework.description, top)]


def _parent_step(
    contracts: Contracts, name: str, level: Literal["dimension", "index"], description: str, below: Sequence[str]
) -> Step:
    return Step(
        name=name,
        kind=level,
        group="dimensions" if level == "dimension" else "index",
        inputs=(*(f"{SCORE}{child}" for child in below), "indicator", "reference"),
        outputs=tuple(f"{table}.{name}" for table in SCORED[:3]),
        files=("framework.yaml", *products(*SCORED[:3])),
        does=parent_scores,
        page=Page(about=_about_parent, shows=_shows, preview=_preview),
        title=contracts.titles[name],
        description=description,
        operation="dimensions" if level == "dimension" else "",
        lineage={"score": tuple((f"{SCORE}{child}", "score") for child in below)},
    )


def component_scores(step: Step, contracts: Contracts, inputs: Inputs) -> Mapping[str, pd.DataFrame | pa.Table]:
    """Scores, weights, contributions and filled cells of a component; empty with the reason if it is left out."""
    from spi_pipeline.scoring.element import component_tables

    if why := left_out(inputs.frame("indicator")).get(step.name):
        return {name: empty(contracts.products[name.split(".")[0]], in_words(why)) for name in step.outputs}
    editions = set(inputs.frame("edition")["edition"])
    rows = pd.concat([inputs.frame(values_of(item.id)) for item in contracts.indicators_of(step.name)])
    trees = {profile: tree.below(step.name) for profile, tree in trees_of(contracts, inputs).items()}
    tables = component_tables(step.name, trees, rows[rows["edition"].isin(editions)], areas(contracts))
    return {name: tables[name.split(".")[0]] for name in step.outputs}


def parent_scores(step: Step, contracts: Contracts, inputs: Inputs) -> Mapping[str, pd.DataFrame]:
    """Scores, weights and contributions of a dimension or the index."""
    from spi_pipeline.scoring.element import parent_tables

    tables = parent_tables(step.name, trees_of(contracts, inputs), inputs.parts("element_score"), areas(contracts))
    return {name: tables[name.split(".")[0]] for name in step.outputs}


def trees_of(contracts: Contracts, inputs: Inputs) -> dict[str, Tree]:
    """The whole index under each profile."""
    # Imported here: scipy costs a second of CPU in a refresh that finds nothing to do.
    from spi_pipeline.scoring.tree import index_tree

    catalogue, reference = inputs.frame("indicator"), inputs.frame("reference")
    framework = contracts.framework
    return {profile: index_tree(framework, profile, catalogue, reference) for profile in framework.profiles}


def areas(contracts: Contracts) -> Areas:
    """The wards that are scored, and the authority of each."""
    return Areas(pd.Series({ward.code: ward.authority for ward in contracts.geography.wards}))


def _below(step: Step) -> list[str]:
    return [name.removeprefix(SCORE) for name in step.inputs if name.startswith(SCORE)]


def _about_component(step: Step, contracts: Contracts) -> Facts:
    items = contracts.indicators_of(step.name)
    rows = [{"indicator": item.title, "source": item.source} for item in items]
    return _about(rows, items or contracts.active, contracts)


def _about_parent(step: Step, contracts: Contracts) -> Facts:
    dimensions = {each.id: {item.id for item in each.components} for each in contracts.framework.dimensions}
    within = dimensions.get(step.name, set(contracts.component_of.values()))
    items = [item for item in contracts.active if contracts.component_of[item.id] in within]
    rows = [{"id": name, "title": contracts.titles[name]} for name in _below(step)]
    return _about(rows, items or contracts.active, contracts)


def _about(rows: Sequence[Mapping[str, Any]], items: Sequence[Any], contracts: Contracts) -> Facts:
    sources = list(dict.fromkeys(name for item in items for name in contracts.sources_of(item)))
    return {"unit": "points, 0 to 100", "made_of": Markdown(markdown(rows)), **source_facts(sources, contracts)}


def _shows_component(step: Step, contracts: Contracts, data: PageData) -> Facts:
    """The facts of every parent, the number of indicators, and where these stand in England."""
    if why := (data.table(step.outputs[0]).schema.metadata or {}).get(EMPTY_BECAUSE.encode()):
        return {"slots": 0, "left_out": why.decode()}
    slots = data.frame(f"weight.{step.name}")["id"].nunique()
    alone = "1: the component is no more than this indicator" if slots == 1 else str(slots)
    return {
        "slots": alone,
        **_shows(step, contracts, data),
        "in_england": Markdown(framed(_in_england(step, contracts, data))),
    }


def _in_england(step: Step, contracts: Contracts, data: PageData) -> pd.DataFrame:
    """For each indicator, the percentage of England's wards that do worse than its wards and its authorities."""
    rows = pd.concat([data.frame(values_of(item.id)) for item in contracts.indicators_of(step.name)])
    catalogue = data.frame("indicator")
    scored = rows["indicator_id"].isin(catalogue.loc[catalogue["in_basis"], "indicator_id"])
    newest = rows[scored & (rows["edition"] == rows["edition"].max())]
    standing = england_percentile(newest, catalogue, data.frame("reference"))
    wards = standing[standing["area_code"].isin(contracts.geography.ward_codes)].groupby("id")["england_percentile"]
    shown = pd.DataFrame({"worst ward": wards.min(), "median ward": wards.median(), "best ward": wards.max()})
    for authority in contracts.geography.authorities:
        shown[authority.name] = standing[standing["area_code"] == authority.code].set_index("id")["england_percentile"]
    return shown.round(0).rename_axis("% of England’s wards do worse").reset_index()


def _shows(step: Step, contracts: Contracts, data: PageData) -> Facts:
    """Weights, fit and points."""
    weights, points = data.frame(f"weight.{step.name}"), data.frame(f"contribution.{step.name}")
    authority = contracts.geography.authorities[0].code
    weights = weights[(weights["edition"] == weights["edition"].max()) & (weights["authority_code"] == authority)]
    profiles = list(contracts.framework.profiles)
    by_profile = weights.set_index(["id", "profile"])
    shown = by_profile["weight"].unstack()[profiles]
    shown[f"effective, {profiles[0]}"] = by_profile["effective_weight"].unstack()[profiles[0]]
    fit = weights.drop_duplicates("profile").set_index("profile").loc[profiles]
    fit = fit[["method", "n", "alpha", "kmo", "pc1_share"]].reset_index()
    return {
        "weights": Markdown(framed(shown.round(DECIMALS).reset_index())),
        "fit": Markdown(framed(fit.round(DECIMALS))),
        "contributions": Markdown(framed(_points(points, contracts))),
    }


def _points(points: pd.DataFrame, contracts: Contracts) -> pd.DataFrame:
    """The points each child adds in the newest edition under the first profile: over wards, and for each authority."""
    profile = next(iter(contracts.framework.profiles))
    own = points[(points["profile"] == profile) & (points["edition"] == points["edition"].max())]
    wards = own[own["area_code"].isin(contracts.geography.ward_codes)].groupby("id")["contribution"]
    table = pd.DataFrame({"least": wards.min(), "mean": wards.mean(), "most": wards.max()}).round(2)
    for authority in contracts.geography.authorities:
        part = own[own["area_code"] == authority.code].set_index("id")["contribution"]
        table[authority.name] = part.round(2)
    heading = f"points, {own['edition'].max()}, {profile}"
    return table.sort_values("mean", ascending=False).rename_axis(heading).reset_index()


def _preview(step: Step, table: pa.Table, contracts: Contracts) -> str:
    return scores(table, contracts, step.name)

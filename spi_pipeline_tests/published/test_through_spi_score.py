"""Published indices recomputed from two files, using only what docs/score.md explains."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from spi_pipeline.cli.score.command import score_files
from spi_pipeline_tests.published.files import california_sheet, global_release, published
from spi_pipeline_tests.published.test_spi_california import COMPONENT_WEIGHTS
from spi_pipeline_tests.published.test_uk_deprivation import ENGLAND, NORTHERN_IRELAND, SCOTLAND, WALES

DIMENSIONS = {
    "score_bhn": ["nbmc", "ws", "sh", "ps"],
    "score_fow": ["abk", "aic", "hw", "eq"],
    "score_opp": ["pr", "pfc", "incl", "aae"],
}
SQUARE_ROOTS = ("ps_intpersvioldaly", "eq_leadexpdalys", "aae_citabledocs")
FLOORS = {"pr_polrights": 0, "abk_educpar": 0.03, "incl_discrimin": 1}
CAPS = {
    "aic_mobiles": 100, "ws_washmort": 158.4, "ps_transport": 52.2, "hw_mort15to50": 316.1, "aae_tertschlife": 5,
    "nbmc_infectiousdaly": 53326.6, "nbmc_undernourish": 45.683, "nbmc_childmort": 152.55, "nbmc_matmort": 1118,
    "pfc_earlymarriage": 40.444, "eq_pm25": 93.68,
}  # fmt: skip


def long(wide: pd.DataFrame) -> pd.DataFrame:
    rows = wide.reset_index()
    return rows.melt([*wide.index.names], var_name="indicator_id", value_name="value")


def scored(folder: Path, framework: str, values: pd.DataFrame) -> pd.DataFrame:
    """Scores by edition and area, one column per element."""
    (folder / "framework.yaml").write_text(framework)
    values.to_csv(folder / "values.csv", index=False)
    table = score_files(folder / "framework.yaml", folder / "values.csv").table
    table = table.astype({"id": str, "area_code": str})
    return table.pivot(index=["edition", "area_code"], columns="id", values=["score", "rank"])


def deprivation(weights: Mapping[str, float]) -> str:
    lines = [f"  - {{id: {name}, parent: imd, direction: higher_is_better, weight: {weight}}}"
             for name, weight in weights.items()]  # fmt: skip
    return "\n".join(["profile: deprivation", "elements:", "  - {id: imd}", *lines])


def areas_of(name: str) -> pd.DataFrame:
    return pd.read_csv(published(f"uk_deprivation/{name}"), index_col=0).rename_axis("area_code")


@pytest.mark.parametrize(
    ("name", "weights", "error", "largest"),
    [
        ("imd2025_england_lsoa21.csv.gz", ENGLAND, 0.001, 1),
        ("imd2019_wales_lsoa11.csv", WALES, 6e-9, 0),
        ("imd2020_scotland_dz11.csv", SCOTLAND, None, 7),
        ("imd2017_northern_ireland_soa01.csv", NORTHERN_IRELAND, None, 5),
    ],
)
def test_deprivation_indices_are_reproduced(
    tmp_path: Path, name: str, weights: dict[str, float], error: float | None, largest: int
) -> None:
    areas = areas_of(name)
    ranks = areas[[f"{domain}_rank" for domain in weights]].set_axis(list(weights), axis=1)
    result = scored(tmp_path, deprivation(weights), long(ranks)).droplevel("edition")
    assert (result["rank"]["imd"].astype(float) - areas["IMD_rank"]).abs().max() <= largest
    if error is not None:
        assert (result["score"]["imd"] - areas["IMD_score"]).abs().max() < error


def test_the_index_of_california_is_reproduced_from_components(tmp_path: Path) -> None:
    block = california_sheet().iloc[:, :17].dropna(how="all").T.reset_index(drop=True).T
    table = block.iloc[1:].set_axis([f"e{number}" for number in block.columns], axis=1).dropna(how="all")
    table = table.set_index("e0").astype(float).rename_axis("area_code")
    elements = ["  - {id: e1}", *(f"  - {{id: e{number}, parent: e1}}" for number in (2, 3, 4))]
    for number in range(5, 17):
        parent = f"e{2 + (number - 5) // 4}"
        elements.append(f"  - {{id: e{number}, parent: {parent}, direction: higher_is_better, worst: 0, best: 100}}")
    framework = "\n".join(["profile: california", "levels: [component, dimension, index]", "elements:", *elements])
    result = scored(tmp_path, framework, long(table[[f"e{number}" for number in range(5, 17)]])).droplevel("edition")
    assert (result["score"][table.columns] - table).abs().to_numpy().max() < 1e-9


def test_components_of_california_are_reproduced(tmp_path: Path) -> None:
    sheet = california_sheet()
    start = int((sheet.iloc[0] == "NAME").to_numpy().argmax())
    inputs = sheet.iloc[1:, start:].set_axis(sheet.iloc[0, start:], axis=1).set_index("NAME").astype(float)
    block = sheet.iloc[:, :17].dropna(how="all").T.reset_index(drop=True).T
    published_scores = (
        block.iloc[1:].set_axis(block.iloc[0], axis=1).set_index("County").dropna(how="all").astype(float)
    )
    elements = ["  - {id: all}"]
    for component, weights in COMPONENT_WEIGHTS.items():
        elements.append(f"  - {{id: {component}, parent: all}}")
        for name, weight in weights.items():
            ends = f"worst: {inputs.loc['dystopia', name]}, best: {inputs.loc['utopia', name]}"
            elements.append(
                f"  - {{id: {name}, parent: {component}, direction: higher_is_better, {ends}, weight: {weight}}}"
            )
    names = [name for weights in COMPONENT_WEIGHTS.values() for name in weights]
    counties = inputs.loc[published_scores.index, names].rename_axis("area_code")
    result = scored(
        tmp_path, "\n".join(["weights: {component: shares}", "elements:", *elements]), long(counties)
    ).droplevel("edition")["score"]
    difference = (result[list(COMPONENT_WEIGHTS)] - published_scores[list(COMPONENT_WEIGHTS)]).abs()
    assert difference.shape == (56, 7)
    assert difference.to_numpy().max() < 0.02


def test_asem_is_reproduced_from_raw_values_and_denominators(tmp_path: Path) -> None:
    folder = published("coinr_asem/ASEM_iMeta.csv").parent
    meta = pd.read_csv(folder / "ASEM_iMeta.csv")
    data = pd.read_csv(folder / "ASEM_iData.csv", index_col="uCode").rename_axis("area_code")
    lines = ["levels: [indicator, group, sub_index, index]", "impute: group_mean", "treat: true", "normalise: minmax"]
    lines.append("elements:")
    for row in meta[meta["Type"].isin(["Indicator", "Aggregate"])].itertuples():
        keys = [f"id: {row.iCode}", f"weight: {row.Weight}"] + [f"parent: {row.Parent}"] * isinstance(row.Parent, str)
        if row.Level == 1:
            keys.append(f"direction: {'higher' if row.Direction > 0 else 'lower'}_is_better")
            keys += [f"divide_by: {row.Denominator}"] * isinstance(row.Denominator, str)
        lines.append(f"  - {{{', '.join(keys)}}}")
    columns = [*meta["iCode"][meta["Type"] == "Indicator"], *meta["Denominator"].dropna().unique()]
    values = long(data[columns].astype(float))
    values = values.assign(group=values["area_code"].map(data["EurAsia_group"]))
    result = scored(tmp_path, "\n".join(lines), values).droplevel("edition")
    expected = pd.read_csv(folder / "dset_Aggregated.csv", index_col="uCode")
    scores = result["score"].astype(float)
    assert scores.shape == (51, 60)
    assert (scores - expected[scores.columns]).abs().to_numpy().max() < 1e-9
    ranks = pd.read_csv(folder / "results_full.csv", index_col="uCode")["Rank"]
    assert result["rank"]["Index"].astype(int).to_dict() == ranks.to_dict()


def test_global_dimensions_and_index_are_reproduced_from_components(tmp_path: Path) -> None:
    release = global_release()
    elements = ["  - {id: score_spi}", *(f"  - {{id: {name}, parent: score_spi}}" for name in DIMENSIONS)]
    for dimension, components in DIMENSIONS.items():
        elements += [
            f"  - {{id: score_{name}, parent: {dimension}, direction: higher_is_better, worst: 0, best: 100}}"
            for name in components
        ]
    framework = ["profile: spi", "levels: [component, dimension, index]", "outside: [WWW]", "available: 1",
                 "impute: none", "elements:", *elements]  # fmt: skip
    components = [f"score_{name}" for names in DIMENSIONS.values() for name in names]
    result = scored(tmp_path, "\n".join(framework), long(release[components].astype(float)))
    for name, tolerance in [*dict.fromkeys(DIMENSIONS, 0.00751).items(), ("score_spi", 0.0076)]:
        difference = (result["score"][name] - release[name].astype(float)).abs()
        assert difference.notna().sum() > 2200
        assert difference.max() < tolerance, name
    assert result["rank"]["score_spi"].xs("WWW", level="area_code").isna().all()
    assert result["rank"]["score_spi"].xs(2023).max() == 170


def test_the_global_index_is_reproduced_from_dimensions(tmp_path: Path) -> None:
    release = global_release()
    elements = ["  - {id: score_spi}"] + [
        f"  - {{id: {name}, parent: score_spi, direction: higher_is_better, worst: 0, best: 100}}"
        for name in DIMENSIONS
    ]
    framework = "\n".join(["levels: [dimension, index]", "available: 1", "elements:", *elements])
    result = scored(tmp_path, framework, long(release[list(DIMENSIONS)].astype(float)))
    difference = (result["score"]["score_spi"] - release["score_spi"].astype(float)).abs().dropna()
    assert len(difference) == 2223
    assert difference.max() < 0.0067


@pytest.mark.parametrize(
    ("component", "best", "tolerance", "rows"),
    [
        ("pr", {"pr_equalprotect": 1, "pr_peaceassemb": 4, "pr_eqbeflaw": 1, "pr_polrights": 40}, 0.025, 2288),
        ("aic", {"aic_mobiles": 100, "aic_internet": 100, "aic_eparticip": 1, "aic_worldpressfreed": 100}, 1.0, 2258),
    ],
)
def test_global_components_are_reproduced_without_fitting(
    tmp_path: Path, component: str, best: dict[str, int], tolerance: float, rows: int
) -> None:
    release = global_release()
    lines = [f"  - {{id: {name}, parent: {component}, direction: higher_is_better, worst: 0, best: {value}}}"
             for name, value in best.items()]  # fmt: skip
    framework = "\n".join(["profile: spi", "elements:", f"  - {{id: {component}}}", *lines])
    result = scored(tmp_path, framework, long(release[list(best)].astype(float)))
    complete = release[list(best)].notna().all(axis=1)
    difference = (result["score"][component] - release[f"score_{component}"].astype(float))[complete].dropna().abs()
    assert len(difference) == rows
    assert difference.max() < tolerance


def test_the_global_index_is_reproduced_from_indicators(tmp_path: Path) -> None:
    release = global_release()
    published_file = published("spi_global_2024/recovered_coefficients_2024.json")
    coefficients: dict[str, dict[str, float]] = json.loads(published_file.read_text())
    elements = ["  - {id: spi}", *(f"  - {{id: {name}, parent: spi}}" for name in DIMENSIONS)]
    for dimension, components in DIMENSIONS.items():
        for name in components:
            elements.append(f"  - {{id: {name}, parent: {dimension}}}")
            elements += goalposts(name, coefficients[name], release)
    indicators = [name for terms in coefficients.values() for name in terms if name != "const"]
    values = release[indicators].astype(float)
    framework = "\n".join(["weights: {component: given}", "available: 1", "normalise: {method: goalposts, clip: false}",
                           "elements:", *elements])  # fmt: skip
    result = scored(tmp_path, framework, long(values))
    difference = (result["score"]["spi"] - release["score_spi"].astype(float)).dropna().abs()
    assert len(difference) == 1295
    assert difference.max() < 0.051


def goalposts(parent: str, terms: Mapping[str, float], release: pd.DataFrame) -> list[str]:
    """Express a sum with a constant as weights and goalposts, with the extremes stretched to total scores of 0 and 100.

    A square root cannot be stretched below 0, so it keeps its extremes.
    """
    own = {name: factor for name, factor in terms.items() if name != "const"}
    ends = {}
    for name in own:
        column = np.sqrt(release[name].astype(float)) if name in SQUARE_ROOTS else release[name].astype(float)
        low, high = float(column.min()), float(column.max())
        ends[name] = (low, high) if own[name] > 0 else (high, low)
    worst, best = (terms["const"] + sum(own[name] * ends[name][end] for name in own) for end in (0, 1))
    reach = sum(own[name] * (ends[name][1] - ends[name][0]) for name in own if name not in SQUARE_ROOTS)
    lines = []
    for name, (low, high) in ends.items():
        square_root = name in SQUARE_ROOTS
        down, up = (0.0, 0.0) if square_root else (-worst / reach, (100 - best) / reach)
        bottom, top = low + down * (high - low), high + up * (high - low)
        weight = own[name] * (top - bottom)
        if square_root:
            bottom, top = bottom**2, top**2
        direction = "higher_is_better" if own[name] > 0 else "lower_is_better"
        keys = f"parent: {parent}, direction: {direction}, worst: {bottom}, best: {top}, weight: {weight}"
        keys += f", at_least: {FLOORS[name]}" if name in FLOORS else ""
        keys += f", at_most: {CAPS[name]}" if name in CAPS else ""
        lines.append(f"  - {{id: {name}, {keys}{', transform: square_root' * square_root}}}")
    return lines

"""Intervals and shares of uncertainty from repeated draws."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest

from spi_pipeline.engine import score
from spi_pipeline.engine.calculate.score import Scores
from spi_pipeline.engine.errors import EngineError
from spi_pipeline.engine.framework.faults import FrameworkError
from spi_pipeline.engine.framework.uncertainty_settings import SOURCES, UncertaintySettings
from spi_pipeline.engine.uncertainty.model import Model
from spi_pipeline.engine.uncertainty.sensitivity import sensitivity
from spi_pipeline.engine.uncertainty.simulate import simulate, with_intervals
from spi_pipeline.engine.weights.correlation import pooled_correlation
from spi_pipeline.engine.weights.principal import principal_component_weights
from spi_pipeline_tests.engine.frameworks import NAN, rows, two_components

AREAS = 12


def values(gaps: bool = False, **columns: Any) -> pd.DataFrame:
    rng = np.random.default_rng(5)
    common = rng.normal(size=AREAS)
    table = {
        "crowding": np.clip(15 - 4 * common + rng.normal(size=AREAS), 1, 29),
        "heat": np.clip(25 + 8 * common + 3 * rng.normal(size=AREAS), 1, 49),
        "crime": np.clip(10 - 2 * common + rng.normal(size=AREAS), 0.5, 19),
    }
    if gaps:
        table["heat"][[2, 5]] = NAN
    return rows({name: list(column) for name, column in table.items()}, [2024]).assign(**columns)


def computed(gaps: bool = False, columns: dict[str, Any] | None = None, **keys: Any) -> Scores:
    return score(two_components(**keys), values(gaps, **(columns or {})))


def one_draw(model: Model, number: int, seed: int, *sources: str) -> tuple[dict[str, Any], Any]:
    """The parameters that a draw recorded, including weights, and its computed scores."""
    numbers = {source: [number] for source in sources or SOURCES}
    drawn = model.draw(numbers, seed)
    recorded = {**model.changes(numbers, seed)[1], **model.weights(drawn)}
    return {name: entry[0] for name, entry in recorded.items()}, drawn


@pytest.mark.parametrize(
    "keys",
    [
        {},
        {"profile": "spi", "gaps": True},
        {"profile": "eu-spi"},
        {"profile": "california"},
        {"profile": "deprivation"},
        {"profile": "base-year-100"},
        {"normalise": "minmax", "aggregate": {"index": "median"}},
        {"normalise": {"method": "percentile_rank"}, "aggregate": "copeland"},
        {"aggregate": "inverted_geometric", "gaps": True, "missing": "group_mean"},
        {"gaps": True, "missing": "blank"},
        {"gaps": True, "available": {"component": 0.9}},
        {"aggregate": "outranking", "gaps": True, "missing": "blank"},
        {"aggregate": "copeland", "gaps": True, "available": 0.9},
        {"aggregate": "sum"},
        {"aggregate": "product", "gaps": True},
        {"aggregate": {"component": "minimum", "index": "maximum"}, "gaps": True},
        {"aggregate": {"method": "mazziotta_pareto", "sign": "plus"}},
        {"aggregate": {"method": "generalised", "order": -2}, "floor": {"index": 20, "component": 0}},
        {"gaps": True, "missing": {"component": "blank"}, "decimals": 1},
        {"normalise": {"method": "normal", "mean": 50}, "weights": {"method": "random", "seed": 3}},
        {"normalise": {"method": "goalposts", "low": 1, "high": 7}, "at_most": "p90", "aggregate": "geometric"},
        {"rescale": {"component": {"method": "goalposts", "worst": 20, "best": 90}}},
    ],
)
def test_a_draw_that_varies_nothing_equals_the_calculation(keys: dict[str, Any]) -> None:
    scores = computed(**keys)
    drawn = Model(scores, UncertaintySettings()).draw({}, 1).scores
    for name in scores.scores:
        assert drawn[name][0].tobytes() == scores.scores[name].to_numpy().tobytes()


@pytest.mark.parametrize("number", range(12))
def test_a_draw_equals_the_index_recomputed_with_the_drawn_parameters(number: int) -> None:
    framework = two_components(aggregate={"index": "geometric"}, floor=1)
    stated_scores = score(framework, values())
    model = Model(stated_scores, UncertaintySettings(tuple(set(SOURCES) - {"choice"})))
    parameters, drawn = one_draw(model, number, 7)
    elements = [dict(element) for element in framework["elements"]]
    for element in elements:
        name, root = element["id"], parameters["transform"] == "square_root"
        if "direction" in element:
            # Goalposts are shifted on the transformed scale.
            ends = [element[end] ** (0.5 if root else 1) for end in ("worst", "best")]
            shifts = [parameters[f"{end} {name}"] * (ends[1] - ends[0]) for end in ("worst", "best")]
            moved = [end + shift for end, shift in zip(ends, shifts, strict=True)]
            element |= {"worst": moved[0], "best": moved[1]}
            if parameters["normalisation"] != "as_declared":
                element["normalise"] = parameters["normalisation"]
        if "parent" in element:
            element["weight"] = parameters[f"weight {name}"]
    data = values()
    if parameters["transform"] == "square_root":
        data = data.assign(value=data["value"] ** 0.5)
    stated = parameters["aggregation"]
    aggregate = framework["aggregate"] if stated == "as_declared" else stated
    again = score({"elements": elements, "aggregate": aggregate, "floor": 1}, data)
    leaves = list(stated_scores.task.structure.leaves)
    recomputed, usual = again.scores[leaves], stated_scores.scores[leaves]
    if parameters["transform"] == "square_root" or parameters["normalisation"] != "as_declared":
        # Another transform or normalisation is put on the scale of the scores as declared.
        distance = (recomputed - recomputed.mean()) / recomputed.std(ddof=0)
        recomputed = (usual.mean() + usual.std(ddof=0) * distance).clip(0, 100)
    given = [
        {"id": one["id"], "parent": one["parent"], "weight": one["weight"], "normalise": "none"}
        | {"direction": "higher_is_better"}
        if one["id"] in leaves
        else one
        for one in elements
    ]
    rows = recomputed.reset_index().melt(["edition", "area_code"], var_name="indicator_id", value_name="value")
    again = score({"elements": given, "aggregate": aggregate, "floor": 1}, rows)
    np.testing.assert_allclose(drawn.scores["index"][0], again.scores["index"], rtol=0, atol=1e-9)


@pytest.mark.parametrize("normalise", ["z", "base_year_z", "borda", "goalposts"])
def test_another_normalisation_stays_on_the_same_scale(normalise: str) -> None:
    scores = computed(normalise=normalise)
    found = simulate(scores, 60, settings=UncertaintySettings(sources=("normalisation",))).intervals
    index = found[found["id"] == "index"].set_index("area_code")
    spread = scores.scores["index"].std()
    assert (index["score_high"] - index["score_low"]).max() < 2 * spread
    assert index["score_low"].mean() == pytest.approx(scores.scores["index"].mean(), abs=spread)


def test_every_source_is_named_once_and_none_is_skipped_silently() -> None:
    columns = {"lower": 5.0, "upper": 6.0, "allocation_error": 0.5}
    with_error = computed(gaps=True, profile="spi", columns=columns)
    varied = simulate(with_error, 20).varied
    assert [entry.source for entry in varied] == list(SOURCES)
    assert all(entry.varied for entry in varied)
    off = simulate(computed(), 20, settings=UncertaintySettings(sources=("weights",))).varied
    assert {entry.source: entry.how for entry in off if not entry.varied}["goalposts"] == "switched off"
    with_error_and_not = simulate(computed(), 20).varied
    plain = {entry.source: entry for entry in with_error_and_not}
    assert plain["measurement"].how == "no value has lower and upper, or a numerator"
    assert plain["allocation"].how == "no value has an allocation_error"
    assert all(bool(entry.assumed) == entry.varied for entry in with_error_and_not)
    assert plain["imputation"].how == "no cell was filled"


def test_figures_depend_on_the_seed_and_draws_are_independent() -> None:
    scores = computed(gaps=True, profile="spi")
    one, two = simulate(scores, 40, seed=7), simulate(scores, 40, seed=7)
    pd.testing.assert_frame_equal(one.intervals, two.intervals)
    pd.testing.assert_frame_equal(one.parameters, two.parameters)
    model = Model(scores, UncertaintySettings())
    alone, _ = one_draw(model, 33, 7)
    assert alone == one.parameters.loc[33].to_dict()
    assert not simulate(scores, 40, seed=8).parameters.equals(one.parameters)


def test_switching_one_source_off_does_not_change_the_draws_of_the_others() -> None:
    scores = computed()
    every = simulate(scores, 20).parameters
    fewer = simulate(scores, 20, settings=UncertaintySettings(sources=("weights", "aggregation"))).parameters
    assert {"weight heat", "aggregation"} <= set(fewer)
    pd.testing.assert_frame_equal(every[fewer.columns], fewer)


def test_weights_stay_in_their_range_and_have_a_constant_sum() -> None:
    parameters = simulate(computed(), 60, settings=UncertaintySettings(sources=("weights",), weights=0.2)).parameters
    pair = parameters[["weight crowding", "weight heat"]]
    assert pair.sum(axis=1).to_numpy() == pytest.approx(1)
    assert pair.min().min() >= 0.4
    assert pair.max().max() <= 0.6
    assert pair["weight heat"].std() > 0.02


def test_shifted_goalposts_by_hand() -> None:
    scores = computed()
    model = Model(scores, UncertaintySettings(sources=("goalposts",)))
    recorded, drawn = one_draw(model, 4, 1, "goalposts")
    worst, best = 20 - 20 * recorded["worst crime"], 0 - 20 * recorded["best crime"]
    crime = scores.task.values.panel["crime"]
    by_hand = 100 * ((crime - worst) / (best - worst)).clip(0, 1)
    np.testing.assert_allclose(drawn.scores["safety"][0], by_hand)


def test_scores_spread_as_widely_as_the_stated_sampling_error() -> None:
    data = values()
    data["lower"], data["upper"] = data["value"] - 1.96, data["value"] + 1.96
    scores = score(two_components(), data)
    found = simulate(scores, 2000, settings=UncertaintySettings(sources=("measurement",))).intervals
    safety = found[found["id"] == "safety"]
    # Crime has a standard error of 1 on a range of 20, which is 5 points; 90 % lie within 1.645 standard errors.
    width = (safety["score_high"] - safety["score_low"]).median()
    assert width == pytest.approx(2 * 1.645 * 5, rel=0.06)


def test_the_error_follows_from_events_where_no_interval_is_given() -> None:
    scores = computed(columns={"numerator": 25.0})
    found = simulate(scores, 1000, settings=UncertaintySettings(sources=("measurement",))).intervals
    row = found[(found["id"] == "safety") & (found["area_code"] == "A00")].iloc[0]
    crime = scores.task.values.panel.loc[(2024, "A00"), "crime"]
    # Byar: the interval of 25 events is 16.2 to 36.9, a width of 2 x 1.96 x 5.29.
    assert row["score_high"] - row["score_low"] == pytest.approx(2 * 1.645 * 5.29 * crime / 25 * 5, rel=0.1)


def test_intervals_pairs_and_the_lowest_are_consistent() -> None:
    scores = computed()
    result = simulate(scores, 200, settings=UncertaintySettings(lowest=3))
    index = result.intervals[result.intervals["id"] == "index"]
    assert (index["rank_low"] <= index["rank_high"]).all()
    assert index["rank_low"].between(1, AREAS).all()
    assert index["lowest"].sum() == pytest.approx(3)
    pairs = result.pairs[2024]
    np.testing.assert_allclose(pairs + pairs.T, 1)
    best = scores.scores["index"].idxmax()[1]
    worst = scores.scores["index"].idxmin()[1]
    assert pairs.loc[best, worst] > 0.95
    table = with_intervals(scores.table(), result)
    assert table.loc[table["id"] == "index", "rank_low"].tolist() == index["rank_low"].tolist()
    # No value has a sampling error and none was imputed, so no source of uncertainty changes the order within an
    # indicator.
    leaves = table[table["level"] == "indicator"]
    assert leaves["rank_low"].tolist() == leaves["rank_high"].tolist() == leaves["rank"].tolist()


def test_an_area_without_values_has_no_interval() -> None:
    data = values()
    data.loc[data["area_code"] == "A03", "value"] = NAN
    found = simulate(score(two_components(), data), 20).intervals
    unscored = found[found["area_code"] == "A03"]
    assert unscored[["score_low", "rank_low", "lowest"]].isna().all(axis=None)
    assert found[found["area_code"] != "A03"]["rank_high"].notna().all()


def test_ranks_do_not_vary_without_sources_of_uncertainty() -> None:
    scores = computed()
    found = simulate(scores, 20, settings=UncertaintySettings(sources=())).intervals
    assert (found["rank_low"] == found["rank_high"]).all()


def test_one_source_alone_has_the_whole_share() -> None:
    table = sensitivity(computed(), 64, settings=UncertaintySettings(sources=("weights",)), resamples=20).set_index(
        "source"
    )
    assert table.loc["weights", "first"] == pytest.approx(1)
    assert table.loc["weights", "total"] == pytest.approx(1, abs=0.35)
    assert table["varied"].sum() == 1
    assert table["first"].notna().sum() == 1


def test_a_source_varied_more_has_the_larger_share() -> None:
    settings = UncertaintySettings(sources=("weights", "goalposts"), weights=0.9, goalposts=0.001)
    table = sensitivity(computed(), 200, settings=settings, resamples=50).set_index("source")
    assert table.loc["weights", "total"] > 0.8 > 0.2 > table.loc["goalposts", "total"]
    assert table.loc["weights", "total_low"] <= table.loc["weights", "total"] <= table.loc["weights", "total_high"]


@pytest.mark.parametrize("options", [{"sources": ("luck",)}, {"goalposts": 0.6}, {"weights": 2}])
def test_invalid_settings_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(EngineError):
        UncertaintySettings(**options)


def test_too_few_draws_are_refused() -> None:
    with pytest.raises(EngineError, match="20 or more draws"):
        simulate(computed(), 10)


def test_principal_components_are_refitted_in_each_draw() -> None:
    scores = computed(profile="spi", columns={"lower": 5.0, "upper": 9.0})
    settings = UncertaintySettings(sources=("measurement",))
    drawn = simulate(scores, 30, settings=settings).parameters
    pair = drawn[["weight crowding", "weight heat"]]
    assert pair.sum(axis=1).to_numpy() == pytest.approx(1)
    assert pair["weight heat"].nunique() == 30
    model = Model(scores, settings)
    values = model.changes({"measurement": [4]}, 0)[0].values
    assert values is not None
    children = values[0, :, :2]
    table = pd.DataFrame(
        np.clip([[(30 - a) / 0.3, b / 0.5] for a, b in children], 0, 100), columns=["crowding", "heat"]
    )
    pooled = pooled_correlation(table)
    by_hand = principal_component_weights(pooled.correlation, pooled.sd)
    assert pair.loc[4].tolist() == pytest.approx(by_hand.tolist())
    fixed = simulate(scores, 30, settings=UncertaintySettings(sources=("measurement",), refit=False)).parameters
    assert fixed["weight heat"].nunique() == 1


def test_an_indicator_has_the_interval_of_its_sampling_error() -> None:
    data = values()
    data["lower"], data["upper"] = data["value"] - 1.96, data["value"] + 1.96
    data.loc[data["indicator_id"] == "heat", ["lower", "upper"]] = NAN
    scores = score(two_components(), data)
    found = simulate(scores, 400).intervals
    heat, crime = (found[found["id"] == name].reset_index(drop=True) for name in ("heat", "crime"))
    assert heat["rank_low"].tolist() == heat["rank_high"].tolist()
    # Independent check: 400 other draws with a standard error of 1, ranked by pandas.
    noise = np.random.default_rng(1).normal(size=(400, AREAS))
    value = scores.task.values.panel["crime"].to_numpy()
    ranks = pd.DataFrame(np.clip(value + noise, 0, 20)).rank(axis=1, method="min")
    expected = ranks.quantile([0.05, 0.95], interpolation="lower")
    assert (crime["rank_low"] - expected.loc[0.05]).abs().max() <= 1
    assert (crime["rank_high"] - expected.loc[0.95]).abs().max() <= 1


def test_an_area_without_a_score_does_not_affect_the_pairs_of_the_others() -> None:
    data = values()
    data.loc[data["area_code"] == "A03", "value"] = NAN
    pairs = simulate(score(two_components(), data), 40).pairs[2024]
    assert pairs.loc["A03"].isna().all()
    others = pairs.drop(index="A03", columns="A03")
    np.testing.assert_allclose(others + others.T, 1)
    assert (others != 0.5).to_numpy().sum() > AREAS * 5


def test_the_settings_of_a_framework_are_applied() -> None:
    stated = {"sources": ["weights"], "weights": 0.5, "lowest": 2, "refit": False, "goalposts": 0.2}
    result = simulate(computed(doubt=stated), 40)
    assert [entry.source for entry in result.varied if entry.varied] == ["weights"]
    assert next(entry.how for entry in result.varied if entry.varied) == "each changed by up to 50%"
    index = result.intervals[result.intervals["id"] == "index"]
    assert index["lowest"].sum() == pytest.approx(2)


@pytest.mark.parametrize(
    ("stated", "words"),
    [
        ("much", "doubt is 'much'"),
        ({"source": ["weights"]}, "'source' is not a key of doubt"),
        ({"sources": ["luck"]}, "luck is not a source of uncertainty"),
        ({"sources": "weights"}, "sources of doubt must be a list"),
        ({"goalposts": "wide"}, "goalposts of doubt is 'wide'"),
        ({"weights": 3}, "weights from 0 to 1"),
        ({"refit": 1}, "refit is '1': write true or false"),
        ({"lowest": 0}, "lowest of doubt is 0"),
    ],
)
def test_faulty_settings_of_a_framework_are_refused(stated: Any, words: str) -> None:
    with pytest.raises(FrameworkError, match=words):
        computed(doubt=stated)


SCRIPT = """
import sys
import numpy as np, pandas as pd
from spi_pipeline.engine import score
from spi_pipeline.engine.uncertainty.simulate import simulate
rng = np.random.default_rng(0)
common = rng.normal(size=3000)
wide = {f"i{n}": common + rng.normal(size=3000) for n in range(12)}
table = pd.DataFrame(wide).rename_axis("area_code").reset_index().melt("area_code", var_name="indicator_id")
table.loc[::37, "value"] = np.nan
people = rng.integers(200, 4000, size=3000)
cases = rng.binomial(people, rng.beta(8, 60, size=3000))
counted = pd.DataFrame({"area_code": range(3000), "indicator_id": "few", "value": cases / people})
table = pd.concat([table, counted.assign(numerator=cases, denominator=people)], ignore_index=True)
skewed = pd.DataFrame({"area_code": range(3000), "indicator_id": "skewed", "value": np.exp(common / 2)})
table = pd.concat([table, skewed], ignore_index=True)
elements = [{"id": "x"}, {"id": "a", "parent": "x"}, {"id": "b", "parent": "x"}]
elements += [{"id": f"i{n}", "parent": "ab"[n % 2], "direction": "higher_is_better"} for n in range(12)]
elements += [{"id": "few", "parent": "a", "direction": "higher_is_better", "shrink": True}]
elements += [{"id": "skewed", "parent": "b", "direction": "higher_is_better", "transform": "box_cox"}]
elements[2]["weights"] = "factor"
scores = score({"profile": "spi", "elements": elements}, table)
found = simulate(scores, 20, seed=5)
for figures in (scores.scores, found.intervals.iloc[:, 3:]):
    sys.stdout.buffer.write(figures.to_numpy(dtype=float).tobytes())
"""


def figures_of(cores: Sequence[int], **environment: str) -> bytes:
    """The output of the script, run on the given cores."""
    threads = {name: str(len(cores)) for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
    return subprocess.run(
        [sys.executable, "-c", SCRIPT], env=os.environ | threads | environment, capture_output=True, check=True,
        preexec_fn=lambda: os.sched_setaffinity(0, cores),
    ).stdout  # fmt: skip


def test_the_figures_are_the_same_on_one_core_and_on_several() -> None:
    cores = sorted(os.sched_getaffinity(0))
    assert figures_of(cores[:1]) == figures_of(cores)


def test_the_figures_of_an_old_processor_are_the_same_but_for_rounding() -> None:
    """numpy and its linear algebra use only instructions that every processor has."""
    newer = np.show_config(mode="dicts")["SIMD Extensions"].get("found", [])
    old = {"NPY_DISABLE_CPU_FEATURES": " ".join(newer), "OPENBLAS_CORETYPE": "Prescott"}
    cores = sorted(os.sched_getaffinity(0))
    here, there = (np.frombuffer(figures_of(cores, **more)) for more in ({}, old))
    assert len(here) > 3000
    if here.tobytes() == there.tobytes():
        pytest.skip(
            "this numpy gives the same figures with and without newer instructions, so there is nothing to compare"
        )
    np.testing.assert_allclose(there, here, rtol=0, atol=1e-9)

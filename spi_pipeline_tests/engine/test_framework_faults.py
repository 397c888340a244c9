"""All faults of a framework and its values are reported together, each with its remedy."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from spi_pipeline.engine import read
from spi_pipeline.engine.framework.faults import FrameworkError
from spi_pipeline_tests.engine.frameworks import EXAMPLE, element, indicator, rows, two_components

Change = Callable[[dict[str, Any]], None]


def faults(framework: dict[str, Any], values: pd.DataFrame | None = None) -> list[str]:
    with pytest.raises(FrameworkError) as raised:
        read(framework, rows(EXAMPLE) if values is None else values)
    return str(raised.value).splitlines()


def by_id(framework: dict[str, Any], name: str) -> dict[str, Any]:
    return next(stated for stated in framework["elements"] if stated["id"] == name)


def test_a_valid_framework_is_read() -> None:
    task = read(two_components(), rows(EXAMPLE))
    assert task.structure.parents == ["housing", "safety", "index"]
    assert task.structure.levels == ["indicator", "component", "index"]
    assert task.structure.leaves_below("index") == ["crowding", "heat", "crime"]
    assert task.values.panel.loc[("", "A01")].tolist() == [15, 20, 10]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda f: by_id(f, "heat").pop("direction"), r"elements\.3: indicator heat has no direction: write"),
        (lambda f: by_id(f, "heat").update(direction="up"), "direction of heat is 'up'"),
        (lambda f: by_id(f, "heat").update(worst=50), "goalposts of heat are both 50"),
        (lambda f: by_id(f, "heat").pop("worst"), "heat has only one goalpost: add 'worst'"),
        (lambda f: [by_id(f, "heat").pop(key) for key in ("worst", "best")], "heat has no goalposts"),
        (lambda f: by_id(f, "heat").update(worst=60), "contradict its direction"),
        (lambda f: by_id(f, "heat").update(worst="cold"), "worst of element heat is 'cold', which is not a number"),
        (lambda f: by_id(f, "heat").update(best=float("inf")), "give a finite number"),
        (lambda f: by_id(f, "heat").update(weight=-1), "weight of heat is negative"),
        (lambda f: by_id(f, "heat").update(wieght=1), "unknown key 'wieght'"),
        (lambda f: by_id(f, "crime").update(weight=0), "all children of safety have weight 0"),
        (lambda f: by_id(f, "heat").update(parent="home"), "parent of heat, 'home', is not an element"),
        (lambda f: by_id(f, "index").update(parent="housing"), r"cut the cycle: (housing|index) -> "),
        (lambda f: by_id(f, "housing").pop("parent"), "housing has no parent, and neither has index"),
        (lambda f: by_id(f, "heat").update(id="crowding"), "the id crowding is used 2 times"),
        (lambda f: f["elements"].append({"parent": "index"}), "element number 7 has no id"),
        (lambda f: f.update(levels=["indicator", "index"]), "does not lie below its parent|cannot be of level"),
        (lambda f: f.update(levels=["a", "a"]), "different names"),
        (lambda f: by_id(f, "housing").update(level="pillar"), "level of housing, 'pillar', is none of"),
        (lambda f: by_id(f, "heat").update(level="component"), "heat has no children, so it is an indicator"),
        (lambda f: f["elements"].append(element("empty", "index")), "empty has neither children nor a direction"),
        (lambda f: f.update(profile="sip"), "no profile 'sip': use spi"),
        (lambda f: f.update(agregate="geometric"), "'agregate' is not a key"),
        (lambda f: f.update(aggregate={"pillar": "geometric"}), "none of the levels component, index"),
        (lambda f: f.update(aggregate="generalised"), "needs an order"),
        (lambda f: f.update(aggregate="mean"), "'mean' is not a method of 'aggregate'"),
        (lambda f: f.update(weights={"method": "pca", "allow": 1}), "'allow' is not an option of weights pca"),
        (lambda f: f.update(normalise={"method": "minmax", "low": "x"}), "low of normalise minmax is 'x'"),
        (lambda f: f.update(normalise={"method": "rank", "ties": "up"}), "ties of normalise rank are 'up'"),
        (lambda f: f.update(normalise="target"), "crowding is scored by its distance to a target"),
        (lambda f: f.update(normalise="reference"), "add the option area_code"),
        (lambda f: f.update(available=65), "available is 65: it is a share"),
        (lambda f: f.update(missing="drop"), "missing is 'drop': use renormalise"),
        (lambda f: f.update(floor=-1), "floor is -1: give a number of 0 or more"),
        (lambda f: f.update(decimals=-1), "decimals are '-1'"),
        (lambda f: f.update(elements=[]), "no list 'elements'"),
    ],
)
def test_a_fault_of_the_framework_is_reported(change: Change, words: str) -> None:
    framework = two_components()
    change(framework)
    reported = faults(framework)
    assert any(re.search(words, fault) for fault in reported), reported


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda v: v.drop(columns="value"), "the values lack value"),
        (lambda v: v.iloc[:0], "there are no values"),
        (lambda v: v.assign(remark="x"), "have an unknown column 'remark'"),
        (
            lambda v: v.astype({"value": object}).replace({"value": {15.0: "n/a"}}),
            r"values\.1: value of crowding is 'n/a', which is not a",
        ),
        (
            lambda v: v.replace({"value": {15.0: float("inf")}}),
            r"values\.1: value of crowding is 'inf', which is infinite",
        ),
        (lambda v: pd.concat([v, v.iloc[[1]]]), r"values\.9: crowding of area A01 is given twice"),
        (lambda v: v.replace({"indicator_id": {"heat": "heating"}}), "'heating' is not an element"),
        (lambda v: v.replace({"indicator_id": {"heat": "housing"}}), "'housing' is aggregated"),
        (lambda v: v[v["indicator_id"] != "heat"], "indicator heat has no data"),
        (lambda v: v.replace({"area_code": {"A01": " "}}), "area_code is blank"),
        (lambda v: v.assign(population=range(len(v))), "population of area A00 differs"),
        (lambda v: v.assign(population=0), "the population is not above 0"),
    ],
)
def test_a_fault_of_the_values_is_reported(change: Callable[[pd.DataFrame], pd.DataFrame], words: str) -> None:
    reported = faults(two_components(), change(rows(EXAMPLE)))
    assert any(re.search(words, fault) for fault in reported), reported


def test_all_faults_are_reported_at_once() -> None:
    framework = two_components(agregate=1, available=2)
    framework["elements"] += [indicator("x", "index", worst=1, best=1), indicator("y", "index", worst=1)]
    reported = "\n".join(faults(framework, pd.concat([rows(EXAMPLE), rows(EXAMPLE)])))
    for words in ("agregate", "available is 2", "goalposts of x", "y has only one goalpost", "given twice"):
        assert words in reported


def test_a_broken_tree_does_not_hide_other_faults() -> None:
    framework = two_components(profil="spi")
    by_id(framework, "housing")["parent"] = "house"
    by_id(framework, "heat").pop("direction")
    values = rows({**EXAMPLE, "noise": [1.0, 2, 3]}).replace({"value": {50.0: float("inf")}})
    reported = "\n".join(faults(framework, values))
    for words in (
        "parent of housing",
        "heat has no direction",
        "'profil' is not a key",
        "'noise' is not an element",
        "infinite",
    ):
        assert words in reported


def test_a_long_list_of_the_same_fault_is_shortened() -> None:
    values = pd.concat([rows(EXAMPLE)] * 10)
    reported = faults(two_components(), values)
    assert len(reported) == 21
    assert "and 61 more rows" in reported[-1]


def test_blank_cells_are_missing_not_faulty() -> None:
    values = rows(EXAMPLE).astype({"value": object})
    values.loc[1, "value"] = " "
    assert read(two_components(), values).values.panel["crowding"].isna().tolist() == [False, True, False]


def test_indicators_and_parents_may_skip_levels() -> None:
    framework = two_components(levels=["indicator", "component", "dimension", "index"])
    framework["elements"] = [
        element("index"), element("d", "index"), element("c", "d"), indicator("a", "c", worst=0, best=1),
        element("lone", "index", level="component"), indicator("b", "lone", worst=0, best=1),
        indicator("direct", "index", worst=0, best=1),
    ]  # fmt: skip
    task = read(framework, rows({"a": [0.0, 1], "b": [0.0, 1], "direct": [0.0, 1]}))
    levels = ["index", "dimension", "component", "indicator", "component", "indicator", "indicator"]
    assert list(task.structure.level_of.values()) == levels
    assert [task.structure.role(name) for name in task.structure.parents] == [
        "component", "dimension", "component", "index",
    ]  # fmt: skip

"""A step receives only the inputs that it names, and each value derived from them is computed once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.publishers.http.exchange import Scope
from spi_pipeline.run.plan import build_plan
from spi_pipeline.steps.inputs import AREAS, AS_OF, PUBLISHERS, Inputs
from spi_pipeline.steps.step import Step, compute
from spi_pipeline.storage.downloads import Downloads
from spi_pipeline_tests.steps.examples import given

FRAME = pd.DataFrame({"area_code": ["E05000001"], "value": [1.0]})
DOWNLOADS = Downloads((), "2025-12", "d1", "r1", dt.datetime(2026, 1, 1, tzinfo=dt.UTC))


@pytest.mark.parametrize(
    "read",
    [
        lambda inputs: inputs["area"],
        lambda inputs: inputs.table("area"),
        lambda inputs: inputs.stored("area"),
        lambda inputs: inputs.frame("area"),
        lambda inputs: inputs.origins("area"),
        lambda inputs: inputs.downloads("area"),
        lambda inputs: inputs.areas(DOWNLOADS),
        lambda inputs: inputs.as_of,
        lambda inputs: inputs.derived("twice", ("area",), lambda: 2),
    ],
)
def test_an_unnamed_input_is_not_available(read: Callable[[Inputs], Any]) -> None:
    inputs = given({"wards": FRAME})
    assert "area" not in inputs
    with pytest.raises(KeyError):
        read(inputs)


def test_a_step_cannot_read_an_input_that_it_does_not_name(contracts: Contracts) -> None:
    def read_unnamed_input(_step: Step, _contracts: Contracts, inputs: Inputs) -> Mapping[str, pd.DataFrame]:
        return {"area": inputs.frame("wards")}

    step = replace(
        next(step for step in build_plan(contracts) if step.kind == "area"), does=read_unnamed_input, inputs=()
    )
    with pytest.raises(KeyError, match="wards"):
        compute(step, contracts, given(dict.fromkeys(step.inputs, FRAME)))


def test_parts_of_a_product_keep_the_order_of_inputs() -> None:
    named = {"weight.b": 2.0, "weighting.a": 9.0, "weight.a": 1.0, "weight": 8.0}
    inputs = given({name: FRAME.assign(value=value) for name, value in named.items()})
    assert inputs.parts("weight")["value"].tolist() == [2.0, 1.0]
    assert inputs.parts("weight").index.tolist() == [0, 1]


def test_derived_values_are_computed_once_per_version() -> None:
    computations: list[str] = []
    cache: dict[Any, Any] = {}

    def derived(form: str, version: str) -> str:
        def compute_value() -> str:
            computations.append(f"{form} of {version}")
            return computations[-1]

        return given({"wards": FRAME}, version, cache).derived(form, ("wards",), compute_value)

    assert derived("shapes", "v1") == derived("shapes", "v1") == "shapes of v1"
    assert derived("names", "v1") == "names of v1"
    assert derived("shapes", "v2") == "shapes of v2"
    assert computations == ["shapes of v1", "names of v1", "shapes of v2"]
    assert len(cache) == 2, "values derived from an older version are dropped"


def test_downloads_are_read_for_the_months_for_which_they_were_fetched() -> None:
    inputs = given({AREAS: Scope(wards=("E05000001",), since="2020-01"), "downloads/census": DOWNLOADS})
    assert inputs.downloads("census") is DOWNLOADS
    scope = inputs.areas(inputs.downloads("census"))
    assert (scope.wards, scope.since, scope.have) == (("E05000001",), "2025-12", ())


def test_a_fetch_uses_only_its_inputs(live: Contracts) -> None:
    step = next(step for step in build_plan(live) if step.kind == "fetch")
    assert step.inputs == (AREAS, PUBLISHERS)
    with pytest.raises(KeyError, match=PUBLISHERS):
        compute(step, live, given({AREAS: Scope()}))


def test_the_day_is_an_input_like_any_other() -> None:
    assert given({AS_OF: dt.date(2026, 11, 23)}).as_of == dt.date(2026, 11, 23)

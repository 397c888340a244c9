"""Validation by Great Expectations, which alone decides whether an expectation holds.

This module knows the library and nothing about rules. It imports the library on first use: the import takes seconds,
which commands that judge nothing need not spend.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import pyarrow as pa

from spi_pipeline.rules.kind import Expectation

if TYPE_CHECKING:
    import pandas as pd


class Verdict(NamedTuple):
    """Whether all expectations of a rule hold, and the numbers of the failing rows if they are about rows."""

    passed: bool
    positions: tuple[int, ...] = ()


def judge(table: pa.Table, expectations: Mapping[str, Sequence[Expectation]]) -> dict[str, Verdict]:
    """Decide the expectations of each rule in one validation; column names of the table must be unique.

    Raises:
        AttributeError: the library has no such expectation.
        ValueError: an expectation does not take its arguments.
        RuntimeError: the library could not decide an expectation, or returned no result for it.
    """
    if not expectations:
        return {}
    frame = _frame(table)
    results = _validated(frame, expectations, "BOOLEAN_ONLY")
    # Listing the failing rows takes half as long again, so that is done only for broken rules.
    broken = {rule: expectations[rule] for rule, each in results.items() if not all(one.success for one in each)}
    listed = _validated(frame, broken, "COMPLETE") if broken else {}
    return {rule: _verdict(listed[rule]) if rule in listed else Verdict(True) for rule in expectations}


def _verdict(results: Sequence[Any]) -> Verdict:
    failing = {row for result in results for row in result.result.get("unexpected_index_list") or ()}
    return Verdict(False, tuple(sorted(map(int, failing))))


def _validated(
    frame: pd.DataFrame, by_rule: Mapping[str, Sequence[Expectation]], form: Literal["BOOLEAN_ONLY", "COMPLETE"]
) -> dict[str, list[Any]]:
    """The results of the expectations of each rule."""
    batch = _batch_definition().get_batch({"dataframe": frame})
    import great_expectations as gx

    # Classes rather than names, because a suite silently drops expectations with unknown names.
    expectations = [
        getattr(gx.expectations, one.name)(**one.arguments, meta={"rule": rule})
        for rule, own in by_rule.items()
        for one in own
    ]
    with warnings.catch_warnings():
        # pandas warns about groups in a pattern; the contract may use them.
        warnings.filterwarnings("ignore", "This pattern is interpreted as a regular expression")
        validation = batch.validate(gx.ExpectationSuite(name="rules", expectations=expectations), result_format=form)
    results: dict[str, list[Any]] = {rule: [] for rule in by_rule}
    for result in validation.results:
        if result.exception_info and (errors := _errors(result.exception_info)):
            raise RuntimeError(f"{result.expectation_config.type} could not be decided: {errors[0]}")
        results[result.expectation_config.meta["rule"]].append(result)
    if {rule: len(own) for rule, own in by_rule.items()} != {rule: len(r) for rule, r in results.items()}:
        raise RuntimeError(
            f"Great Expectations returned {len(validation.results)} results for {len(expectations)} expectations"
        )
    return results


@cache
def _batch_definition() -> Any:
    """The batch definition that takes whole frames: one per process, in a context held in memory only."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    import great_expectations as gx

    context: Any = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    asset = context.data_sources.add_pandas("frames").add_dataframe_asset("frame")
    return asset.add_batch_definition_whole_dataframe("whole frame")


def _frame(table: pa.Table) -> pd.DataFrame:
    """The rows in pandas; integers stay integers even next to nulls: as floats, those above 2**53 would coincide."""
    import pandas as pd

    whole = {kind: getattr(pd, f"{str(kind).replace('int', 'Int').replace('uInt', 'UInt')}Dtype")()
             for kind in table.schema.types if pa.types.is_integer(kind)}  # fmt: skip
    columns = {name: column.to_pandas(types_mapper=whole.get if column.null_count else None)
               for name, column in zip(table.column_names, table.columns, strict=True)}  # fmt: skip
    return pd.DataFrame(columns, index=range(table.num_rows))


def _errors(info: Mapping[str, Any]) -> list[str]:
    """The messages of the exceptions raised; the library keeps one record, or one for each metric that failed."""
    records = [info] if "raised_exception" in info else list(info.values())
    return [" ".join(str(record["exception_message"]).split()) for record in records if record["raised_exception"]]

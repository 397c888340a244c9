"""The months of sources that are had by month, as partitions: which are there, and a backfill of those that are not.

An asset of its own for each, beside the one that fetches. That one asks for everything, every time, and its version is
the set of all that came; here single months are asked for, whose answers it finds and does not send again.
"""

import datetime as dt
import warnings
from collections.abc import Collection, Iterable
from contextlib import suppress

import dagster as dg

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.publishers.files.months import month_before
from spi_pipeline.run.runner import Runner
from spi_pipeline.steps.step import Step

# So many months are shown as missing where nothing was asked for yet: the window of the police's API.
WINDOW = 36


def months_key(source_id: str) -> dg.AssetKey:
    """The key of the asset whose partitions are the months of a source."""
    return dg.AssetKey(["months", source_id])


def by_month(step: Step) -> bool:
    """Whether a step fetches a source that is had by month."""
    if step.cadence is None:
        return False
    from spi_pipeline.publishers.offers import OFFERS

    return OFFERS[step.name].by_month


def month_assets(plan: Iterable[Step], runner: Runner) -> list[dg.AssetsDefinition]:
    """An asset for each source that is had by month; none where nothing is fetched."""
    return [_asset(step, runner) for step in plan if by_month(step)]


def _asset(step: Step, made: Runner) -> dg.AssetsDefinition:
    with warnings.catch_warnings():
        # Dagster calls the policy beta. One run for all months of a backfill: each run takes seconds to start.
        warnings.simplefilter("ignore", dg.BetaWarning)
        policy = dg.BackfillPolicy.single_run()

        @dg.asset(
            key=months_key(step.name),
            group_name=step.group,
            kinds={step.tool},
            description=f"Months of {step.title.removeprefix('Downloads: ')}\n\nEach month that was had of it. "
            "Materialize those that are missing, then what reads from them.",
            partitions_def=dg.MonthlyPartitionsDefinition(start_date=_first(step, made), fmt="%Y-%m"),
            backfill_policy=policy,
            output_required=False,
        )
        def months(context: dg.AssetExecutionContext, runner: dg.ResourceParam[Runner]) -> None:
            _fetch(step.name, context.partition_keys, context, runner)

    return months


def _fetch(source_id: str, wanted: Collection[str], context: dg.AssetExecutionContext, runner: Runner) -> None:
    from spi_pipeline.steps.sources.fetch import fetch_months, months_of

    assert runner.publishers
    had, failed = set[str](), ""
    try:
        runner.publishers.prepare()
        for one in fetch_months(runner.publishers, source_id, sorted(wanted)):
            had |= months_of([one])
    except SpiError as error:
        failed = str(error)
        # The last one may be there in part.
        had -= {max(had, default="")}
    finally:
        runner.publishers.close()
    tell_months(source_id, had.intersection(wanted), context)
    if failed:
        raise dg.Failure(f"{source_id}: {failed}; run the months that are missing again to go on", allow_retries=True)
    if absent := sorted(set(wanted) - had):
        context.log.error(f"{source_id}: its publisher has nothing for {', '.join(absent)}")


def tell_months(source_id: str, months: Iterable[str], context: dg.AssetExecutionContext) -> None:
    """Tell Dagster of months that were had."""
    for month in sorted(months):
        context.log_event(dg.AssetMaterialization(months_key(source_id), partition=month))


def tell_new_months(step: Step, runner: Runner, context: dg.AssetExecutionContext) -> None:
    """Tell Dagster of the months that a fetch had and nobody told of yet."""
    from spi_pipeline.steps.sources.fetch import months_of

    known = context.instance.get_materialized_partitions(months_key(step.name))
    tell_months(step.name, months_of(runner.store.raw(step.name).held()) - known, context)


def _first(step: Step, runner: Runner) -> str:
    """The first month that is shown: the one wanted or had first, else the first of a usual window."""
    from spi_pipeline.steps.sources.fetch import months_of

    found = {month_before(f"{dt.datetime.now(dt.UTC):%Y-%m}", WINDOW)}
    with suppress(SpiError):  # the step that fetches says so
        raw = runner.store.raw(step.name)
        found = months_of(raw.held()) or found
        if since := runner.settings.since or raw.since(None):
            found.add(since)
    return min(found)

"""The months of sources that are fetched by month, as partitions: which are downloaded, and a backfill of missing ones.

Each such source has an asset with these partitions, in addition to the asset that fetches it. The latter requests
everything each time, and its version is the set of all downloads. The partitioned asset requests single months; the
fetching asset reuses their responses without repeating the requests.
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

# The number of months shown as missing before the first fetch: the window of the police's API.
WINDOW = 36


def months_key(source_id: str) -> dg.AssetKey:
    """The key of the asset whose partitions are the months of a source."""
    return dg.AssetKey(["months", source_id])


def by_month(step: Step) -> bool:
    """Whether a step fetches a source by month."""
    if step.cadence is None:
        return False
    from spi_pipeline.publishers.offers import OFFERS

    return OFFERS[step.name].by_month


def month_assets(plan: Iterable[Step], runner: Runner) -> list[dg.AssetsDefinition]:
    """An asset for each source that is fetched by month; none if nothing is fetched."""
    return [_asset(step, runner) for step in plan if by_month(step)]


def _asset(step: Step, made: Runner) -> dg.AssetsDefinition:
    with warnings.catch_warnings():
        # Dagster marks backfill policies as beta. All months share one run, since each run takes seconds to start.
        warnings.simplefilter("ignore", dg.BetaWarning)
        policy = dg.BackfillPolicy.single_run()

        @dg.asset(
            key=months_key(step.name),
            group_name=step.group,
            kinds={step.tool},
            description=f"Months of {step.title.removeprefix('Downloads: ')}\n\nThe months that have been "
            "downloaded. Materialize the missing ones, then the assets that read from them.",
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
    downloaded, failed = set[str](), ""
    try:
        runner.publishers.prepare()
        for download in fetch_months(runner.publishers, source_id, sorted(wanted)):
            downloaded |= months_of([download])
    except SpiError as error:
        failed = str(error)
        # The last month may be incomplete.
        downloaded -= {max(downloaded, default="")}
    finally:
        runner.publishers.close()
    log_months(source_id, downloaded.intersection(wanted), context)
    if failed:
        raise dg.Failure(f"{source_id}: {failed}; run the missing months again to resume", allow_retries=True)
    if unavailable := sorted(set(wanted) - downloaded):
        context.log.error(f"{source_id}: its publisher has nothing for {', '.join(unavailable)}")


def log_months(source_id: str, months: Iterable[str], context: dg.AssetExecutionContext) -> None:
    """Log a materialization for each month that was downloaded."""
    for month in sorted(months):
        context.log_event(dg.AssetMaterialization(months_key(source_id), partition=month))


def log_new_months(step: Step, runner: Runner, context: dg.AssetExecutionContext) -> None:
    """Log a materialization for each downloaded month that has none yet."""
    from spi_pipeline.steps.sources.fetch import months_of

    known = context.instance.get_materialized_partitions(months_key(step.name))
    log_months(step.name, months_of(runner.store.raw(step.name).held()) - known, context)


def _first(step: Step, runner: Runner) -> str:
    """The first month shown: the first downloaded, else the start of the window; an earlier one if requested."""
    from spi_pipeline.steps.sources.fetch import months_of

    months = {month_before(f"{dt.datetime.now(dt.UTC):%Y-%m}", WINDOW)}
    with suppress(SpiError):  # the step that fetches reports this
        raw = runner.store.raw(step.name)
        months = months_of(raw.held()) or months
        if since := runner.settings.since or raw.since(None):
            months.add(since)
    return min(months)

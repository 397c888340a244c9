"""The graph: all steps, in the order in which data flow through them.

A step is the unit of recomputation and of lineage. This module neither computes anything nor knows Dagster: the command
line finds stale steps in the same plan from which Dagster gets its assets.
"""

from collections.abc import Sequence

from spi_pipeline.contracts.errors import ContractError, Fault
from spi_pipeline.contracts.models.contracts import Contracts, contract_of
from spi_pipeline.steps.analysis.composition import composition_steps
from spi_pipeline.steps.analysis.published import published_step
from spi_pipeline.steps.analysis.release_change import release_change_step
from spi_pipeline.steps.analysis.sanity import sanity_steps
from spi_pipeline.steps.analysis.scorecard import scorecard_step
from spi_pipeline.steps.analysis.standing import standing_steps
from spi_pipeline.steps.analysis.targets import target_step
from spi_pipeline.steps.analysis.uncertainty import uncertainty_steps
from spi_pipeline.steps.analysis.what_would_it_take import what_would_it_take_step
from spi_pipeline.steps.basis import basis_step
from spi_pipeline.steps.completeness import completeness_step
from spi_pipeline.steps.context import context_steps
from spi_pipeline.steps.geography import geography_steps
from spi_pipeline.steps.indicator import indicator_step
from spi_pipeline.steps.inputs import DOWNLOADS
from spi_pipeline.steps.joined import joined_steps
from spi_pipeline.steps.national import of_england
from spi_pipeline.steps.outputs.downloads import downloads_steps
from spi_pipeline.steps.outputs.publication import publication_step
from spi_pipeline.steps.outputs.report import report_steps
from spi_pipeline.steps.outputs.site import site_steps
from spi_pipeline.steps.own_areas import own_area_steps
from spi_pipeline.steps.recent import recent_step
from spi_pipeline.steps.scored import component_step, parent_steps
from spi_pipeline.steps.sources.source import source_steps
from spi_pipeline.steps.step import Step
from spi_pipeline.storage.places import PUBLICATION

# The groups of steps after the index: analyses of it, and the outputs for readers.
DOWNSTREAM_OF_INDEX = ("analysis", "published")


def build_plan(contracts: Contracts) -> list[Step]:
    """Every step, in an order in which each comes after those it reads from.

    Raises:
        ContractError: if a table that a step writes has no contract, or a source has the group of other steps.
        SpiError: if a library that an output needs is not installed.
    """
    steps = [
        *source_steps(contracts),
        *geography_steps(),
        *context_steps(contracts),
        recent_step(contracts),
        completeness_step(contracts),
        *(indicator_step(contracts, indicator_id) for indicator_id in contracts.indicators),
        basis_step(contracts),
        *(component_step(contracts, component_id) for component_id in contracts.framework.components),
        *parent_steps(contracts),
        *uncertainty_steps(contracts),
        scorecard_step(contracts),
        *composition_steps(contracts),
        what_would_it_take_step(contracts),
        *sanity_steps(contracts),
        published_step(contracts),
        target_step(contracts),
        *standing_steps(contracts),
        *joined_steps(contracts),
        release_change_step(contracts),
        *own_area_steps(contracts),
    ]
    if contracts.geography.national:
        steps = list(map(of_england, steps))
    written = {table.split(".")[0] for step in steps for table in step.outputs if is_table(table)}
    if missing := sorted(written - contracts.sources.keys() - contracts.products.keys()):
        message = "the file is missing; the pipeline writes this table, so restore its contract"
        raise ContractError([Fault(f"products/{name}.yaml", 0, message) for name in missing])
    for output_steps in (downloads_steps, report_steps, site_steps):
        steps += output_steps(contracts, steps)
    steps.append(publication_step(contracts, steps))
    others = {step.group for step in steps if step.outputs[0].removeprefix(DOWNLOADS) not in contracts.sources}
    if clashing := [source for source in contracts.sources.values() if source.properties.group in others]:
        message = "is the group of other steps; choose another group for the sources of this publisher"
        raise ContractError([Fault(source.file, 0, f"{source.properties.group!r} {message}") for source in clashing])
    return steps


def is_table(name: str) -> bool:
    """Whether an output of a step is a table, which has a contract and is judged by its rules."""
    return name != PUBLICATION and not name.startswith(DOWNLOADS)


def owner_of(step: Step, contracts: Contracts) -> str:
    """The owner of a step's outputs: the owner of its contract, or of the publication."""
    name = step.outputs[0].removeprefix(DOWNLOADS)
    if name == PUBLICATION:
        return contracts.framework.publication.owner
    return f"team:{contract_of(name, contracts).owner}"


def downstream(plan: Sequence[Step], outputs: set[str]) -> list[Step]:
    """The steps that read or write one of these outputs, and every step downstream of them, in order."""
    changed = set(outputs)
    chosen = []
    for step in plan:
        if changed.intersection((*step.outputs, *step.inputs)):
            chosen.append(step)
            changed.update(step.outputs)
    return chosen

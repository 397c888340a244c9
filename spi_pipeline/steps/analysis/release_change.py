"""How the scores changed since the newest signed release, and why."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import pandas as pd

from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.scoring.areas import Areas
from spi_pipeline.steps.indicator import part_of
from spi_pipeline.steps.inputs import RELEASED, Inputs, Released
from spi_pipeline.steps.pages.markdown import framed
from spi_pipeline.steps.pages.page import Facts, Markdown, Page, PageData
from spi_pipeline.steps.scored import areas
from spi_pipeline.steps.step import Step, indicator_files, products

if TYPE_CHECKING:
    from spi_pipeline.scoring.analysis.release_change import State

# The products that compare a state with a release.
RELEASE_TABLES = ("release_change", "release_element")
Frame = Callable[[str], pd.DataFrame]


def release_change_step(contracts: Contracts) -> Step:
    """The step of the products ``release_change`` and ``release_element``."""
    values = tuple(part_of(indicator_id) for indicator_id in contracts.indicators)
    return Step(
        name="release_change",
        kind="release_change",
        group="published",
        inputs=(RELEASED, "score", *values, "indicator", "edition", "reference", "allocation"),
        outputs=RELEASE_TABLES,
        files=("framework.yaml", *indicator_files(contracts), *products(*RELEASE_TABLES)),
        does=release_change,
        page=Page(shows=_shows),
        title="Changes since the newest release",
        description="How far every score has moved since the newest signed release, and how much of that comes from "
        "revised figures, newer figures, another window, other boundaries, another basis and another method.",
        lineage={"change": (("score", "score"),)},
    )


def release_change(step: Step, contracts: Contracts, inputs: Inputs) -> Mapping[str, pd.DataFrame]:
    """The products ``release_change`` and ``release_element``; empty if no release was signed."""
    # Imported here: scipy costs a second of CPU in a refresh that finds nothing to do.
    from spi_pipeline.scoring.analysis.release_change import CHANGE_COLUMNS, ELEMENT_COLUMNS

    released: Released | None = inputs[RELEASED]
    if released is None:
        return {
            "release_change": pd.DataFrame(columns=["release", *CHANGE_COLUMNS]),
            "release_element": pd.DataFrame(columns=["release", *ELEMENT_COLUMNS]),
        }
    tables = compared(state_of_release(released, contracts), state_of(inputs.frame, contracts))
    return {name: table.assign(release=released.release.id) for name, table in tables.items()}


def compared(before: State, after: State) -> dict[str, pd.DataFrame]:
    """A comparison of two states, by product, without the column ``release``."""
    from spi_pipeline.scoring.analysis.release_change import release_changes, release_elements

    return {"release_change": release_changes(before, after), "release_element": release_elements(before, after)}


def state_of_release(released: Released, contracts: Contracts) -> State:
    """The state that a release was computed from.

    Args:
        released: the release with its contracts.
        contracts: the contracts in force. Their framework stands in if this version cannot read those of the release;
            differences in it are still reported as method.

    Raises:
        SpiError: if a table of the release is damaged.
    """
    release, its_contracts = released.release, released.contracts or contracts

    def frame(name: str) -> pd.DataFrame:
        table: pd.DataFrame = release.read(name).to_pandas()
        return table

    wards = frame("area").query("level == 'ward'").set_index("area_code")["parent_code"]
    values = [name for name in release.tables if name.startswith(part_of(""))]
    return _state(frame, values, its_contracts, Areas(wards))


def state_of(frame: Frame, contracts: Contracts) -> State:
    """The state that the index is computed from now.

    Args:
        frame: returns a table by its name.
        contracts: the contracts in force.
    """
    parts = [part_of(indicator_id) for indicator_id in contracts.indicators]
    return _state(frame, parts, contracts, areas(contracts))


def _state(frame: Frame, values: list[str], contracts: Contracts, where: Areas) -> State:
    from spi_pipeline.scoring.analysis.release_change import State

    catalogue = frame("indicator")
    return State(
        framework=contracts.framework,
        values=pd.concat([frame(name) for name in values], ignore_index=True),
        catalogue=catalogue,
        editions=frozenset(frame("edition")["edition"]),
        reference=frame("reference"),
        allocation=frame("allocation"),
        scores=frame("score"),
        areas=where,
        definitions=_definitions(contracts, dict(zip(catalogue["indicator_id"], catalogue["source_id"], strict=True))),
    )


def _definitions(contracts: Contracts, source_of: Mapping[str, str]) -> dict[str, str]:
    """By indicator, a digest of how its values are formed; the error of the level of an anchored one is left out."""
    formed, apart = {"measure", "source", "unit", "error"}, {"measure": {"level": {"error"}}}
    return {
        name: hashlib.sha256(indicator.model_dump_json(include=formed, exclude=apart).encode()).hexdigest()
        for name, indicator in contracts.as_published(source_of).indicators.items()
    }


def _shows(step: Step, contracts: Contracts, data: PageData) -> Facts:
    """The ten most surprising changes of the newest edition, under the first profile."""
    rows = most_surprising(data.frame("release_change"), next(iter(contracts.framework.profiles)))
    return {"most_surprising": Markdown(framed(rows))} if len(rows) else {}


def most_surprising(changes: pd.DataFrame, profile: str, count: int = 10) -> pd.DataFrame:
    """The changes that a person should review before signing.

    Args:
        changes: rows of the product ``release_change``.
        profile: the profile.
        count: the number of changes.

    Returns:
        The most surprising changes of the newest edition: area, element, scores and ranks before and after, the
        largest cause, and ``surprise``.
    """
    from spi_pipeline.scoring.analysis.release_change import PARTS

    own = changes[changes["profile"] == profile]
    own = own[own["edition"] == own["edition"].max()].nlargest(count, "surprise")
    cause = own[list(PARTS)].abs().idxmax(axis=1).str.removeprefix("from_") if len(own) else []
    columns = ["area_code", "id", "score_before", "score_after", "change", "rank_before", "rank_after", "surprise"]
    rows: pd.DataFrame = own[columns].assign(cause=cause)
    return rows

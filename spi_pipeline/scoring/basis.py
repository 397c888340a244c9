"""The basis of a publication: the slots that all of its editions are computed on, and the editions that it publishes.

A slot is an indicator together with its predecessors, which measure the same thing by other definitions. One definition
fills a slot in every edition, so a score never moves because figures entered or expired.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.contracts.models.framework import Framework
from spi_pipeline.contracts.models.indicators import Indicator
from spi_pipeline.scoring.areas import Areas
from spi_pipeline.scoring.declared_methods import declared_methods
from spi_pipeline.scoring.left_out import in_words
from spi_pipeline.scoring.periods import period_changed, periods_of

PRESENT = ("observed", "carried", "held")
EDITION_COLUMNS = [
    "edition", "profile", "basis_id", "slots", "measured_weight", "carried_weight", "held_weight", "movable",
    "window_end", "as_of",
]  # fmt: skip


@dataclass(frozen=True)
class Slot:
    """One slot of the framework.

    Attributes:
        id: the id of its newest definition.
        filled_by: the indicator that fills it in every edition.
        missing_because: why the slot is not in the basis; empty where it is.
    """

    id: str
    filled_by: str
    missing_because: str


def slots(indicators: Sequence[Indicator]) -> list[list[str]]:
    """Indicator ids by slot, newest definition first."""
    older = {indicator.id: indicator.predecessor for indicator in indicators}
    newest = [indicator.id for indicator in indicators if indicator.id not in set(older.values())]
    chains = []
    for name in newest:
        chain: list[str] = []
        link: str | None = name
        while link is not None:
            chain.append(link)
            link = older.get(link)
        chains.append(chain)
    return chains


def choose_slots(
    observations: pd.DataFrame,
    chains: Sequence[Sequence[str]],
    useful_years: Mapping[str, int],
    areas: Areas,
    share: float,
) -> list[Slot]:
    """Decide whether each slot is in the basis, by its values in the newest edition.

    A slot is in the basis if, in every authority, at least the given share of wards has a value within its useful life.
    The newest definition with values for that many wards fills the slot.

    Args:
        observations: rows of the product ``indicator_value`` of the indicators that have a source.
        chains: indicator ids by slot, newest definition first.
        useful_years: by indicator, how many years after its period a value remains useful.
        areas: wards and authorities.
        share: the smallest share of an authority's wards.
    """
    newest = int(observations["edition"].max())
    rows = observations[(observations["edition"] == newest) & observations["status"].isin(PRESENT)]
    rows = rows[rows["area_code"].isin(areas.wards)]
    rows = rows.assign(authority=areas.authorities(rows["area_code"]), year=pd.to_datetime(rows["period_end"]).dt.year)
    of_authority = areas.authority_of.value_counts()
    decided = []
    for every in chains:
        chain = [name for name in every if name in useful_years]
        if not chain:
            continue
        known = rows[rows["indicator_id"].isin(chain)]
        filled = next((name for name in chain if _least_share(known, name, of_authority) >= share), "")
        if not filled:
            most = max(_least_share(known, name, of_authority) for name in chain)
            decided.append(
                Slot(every[0], chain[0], f"It has values for {most:.0%} of the wards; {share:.0%} are needed.")
            )
            continue
        years = useful_years[filled]
        useful = known[known["year"] >= newest - years]
        if _least_share(useful, filled, of_authority) >= share:
            decided.append(Slot(every[0], filled, ""))
            continue
        last = int(known.loc[known["indicator_id"] == filled, "year"].max())
        reason = f"Its newest values are for {last} and useful for {years} years, until {last + years}."
        decided.append(Slot(every[0], filled, reason))
    return decided


def _least_share(rows: pd.DataFrame, name: str, of_authority: pd.Series) -> float:
    """The share of wards with a value of the indicator, in the authority where it is smallest."""
    counted = rows.loc[rows["indicator_id"] == name, "authority"].value_counts()
    return float((counted.reindex(of_authority.index, fill_value=0) / of_authority).min())


def basis_id(chosen: Sequence[Slot]) -> str:
    """The digest of the slots in a basis and of the indicators that fill them."""
    lines = sorted(f"{slot.id} {slot.filled_by}" for slot in chosen if not slot.missing_because)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:12]


def require_dimensions(excluded: Mapping[str, Mapping[str, str]], framework: Framework) -> None:
    """Refuse a basis that leaves a dimension with fewer of its components than a profile requires for a score.

    Args:
        excluded: as ``left_out`` returns it.
        framework: dimensions and profiles; under every profile a dimension needs at least one component.

    Raises:
        SpiError: names the dimension, its components without a slot, and why these are left out.
    """
    for dimension in framework.dimensions:
        empty = {each.id: excluded[each.id] for each in dimension.components if each.id in excluded}
        count = len(dimension.components)
        share = (count - len(empty)) / count
        needed = {
            name: float(declared_methods(one.methods, "dimension", ["available"]).get("available", 0.0))
            for name, one in framework.profiles.items()
        }
        profile = max(needed, key=lambda name: needed[name])
        if share > 0 and share >= needed[profile]:
            continue
        reasons = " ".join(f"{name}: {in_words(why)}" for name, why in empty.items())
        raise SpiError(
            f"no index can be published: of the {count} components of {dimension.id} {count - len(empty)} have a slot "
            f"in the basis, and profile {profile} needs {needed[profile]:.0%} (available in framework.yaml). {reasons} "
            "Add figures for them, or take the components out of framework.yaml."
        )


def edition_table(
    observations: pd.DataFrame,
    weights: Mapping[str, pd.Series],
    chosen: Sequence[Slot],
    framework: Framework,
    areas: Areas,
    as_of: dt.date,
    window_ends: pd.Series,
) -> pd.DataFrame:
    """The editions to publish, with the status of the observations that each uses.

    An edition is published if, under every profile, at most the declared share of its weight is held from later years.
    The newest edition is always published.

    Args:
        observations: rows of the product ``indicator_value`` of the indicators in the basis.
        weights: by profile, the weight in the index of each indicator in the basis.
        chosen: every slot.
        framework: profiles and the rule of publication.
        areas: wards and authorities.
        as_of: the day the figures were taken.
        window_ends: by edition, the last day of the newest window of monthly sources that it uses.

    Returns:
        The columns of the product ``edition``; shares are means over the wards.
    """
    rows = observations[observations["area_code"].isin(areas.wards)]
    status = rows.pivot(index=["edition", "area_code"], columns="indicator_id", values="status")
    periods = periods_of(rows)
    editions = sorted(set(map(int, rows["edition"])))
    shares = {
        profile: {
            word: (status == word).mul(own.reindex(status.columns), axis=1).sum(axis=1).groupby("edition").mean()
            for word in PRESENT
        }
        for profile, own in weights.items()
    }
    published = [
        edition
        for edition in editions
        if edition == editions[-1]
        or all(share["held"][edition] <= framework.publication.held for share in shares.values())
    ]
    count = sum(not slot.missing_because for slot in chosen)
    records = []
    for before, edition in zip([None, *published], published, strict=False):
        moved = None if before is None else period_changed(periods, before, edition)
        for profile, own in weights.items():
            records.append(
                (
                    edition, profile, basis_id(chosen), count,
                    *(float(shares[profile][word][edition]) for word in PRESENT),
                    float("nan") if moved is None else float((moved @ own.reindex(moved.columns)).mean()),
                    window_ends.get(edition), as_of,
                )
            )  # fmt: skip
    return pd.DataFrame(records, columns=EDITION_COLUMNS)

"""Which calendar years are published, and which indicator fills each slot of the framework in them.

A slot is an indicator together with its predecessors: the same thing by another definition. At most one of them fills
the slot in an edition, the newest that has values.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import pandas as pd

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.contracts.models.framework import Framework
from spi_pipeline.contracts.models.indicators import Indicator
from spi_pipeline.scoring.tables import Areas

PRESENT = ("observed", "carried")


def slots(indicators: Sequence[Indicator]) -> list[list[str]]:
    """Indicator ids by slot, newest first."""
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


def filled_slots(
    observations: pd.DataFrame, chains: Sequence[Sequence[str]], areas: Areas, share: float
) -> pd.DataFrame:
    """The indicator that fills each slot in each edition, for each authority by its own wards.

    Args:
        observations: rows of the product ``observation``.
        chains: indicator ids by slot, newest first.
        areas: wards and authorities.
        share: an indicator is present for an authority where at least this share of its wards has a value.

    Returns:
        ``authority_code, edition, slot`` (id of the slot's newest indicator), ``indicator_id`` (empty where none is
        present), ``fresh`` (whether any ward's value is of the edition's own year).
    """
    found = {
        authority: _filled_slots(observations, chains, list(wards), share)
        for authority, wards in areas.authority_of.groupby(areas.authority_of).groups.items()
    }
    return pd.concat(found, names=["authority_code"]).reset_index("authority_code").reset_index(drop=True)


def _filled_slots(
    observations: pd.DataFrame, chains: Sequence[Sequence[str]], wards: Sequence[str], share: float
) -> pd.DataFrame:
    rows = observations[observations["area_code"].isin(wards)]
    met = Counter(zip(rows["edition"], rows["indicator_id"], rows["status"], strict=True))
    found = []
    for edition in sorted(set(rows["edition"])):
        for chain in chains:
            held = {name: sum(met[edition, name, status] for status in PRESENT) / len(wards) for name in chain}
            filled = next((name for name in chain if held[name] >= share), "")
            found.append((int(edition), chain[0], filled, met[edition, filled, "observed"] > 0))
    return pd.DataFrame(found, columns=["edition", "slot", "indicator_id", "fresh"])


def edition_table(
    filled: pd.DataFrame, component_of: dict[str, str], framework: Framework, as_of: dt.date
) -> pd.DataFrame:
    """The editions to publish: every authority has enough slots that hold a value, and at least one of each component.

    Args:
        filled: as ``filled_slots`` returns it, over the whole framework.
        component_of: component of each indicator.
        framework: profiles and the rule of publication.
        as_of: the day the figures were taken.

    Returns:
        The columns of the product ``edition``; a slot counts where it is filled for any authority.

    Raises:
        SpiError: when no year can be published, with what the best year lacks.
    """
    names = sorted(filled["slot"].unique())
    set_id = hashlib.sha256("\n".join(names).encode()).hexdigest()[:12]
    rows: list[tuple[object, ...]] = []
    lacking: list[_Lacking] = []
    for year in sorted(map(int, filled["edition"].unique())):
        group = filled[filled["edition"] == year]
        short = [
            found
            for authority, own in group.groupby("authority_code")
            if (found := _lacking(year, str(authority), own, component_of, framework))
        ]
        if short:
            lacking.append(min(short, key=lambda found: found.have))
            continue
        held = group[group["indicator_id"] != ""]
        indicators, fresh = held["slot"].nunique(), held.loc[held["fresh"], "slot"].nunique()
        counts = (set_id, indicators, fresh, indicators - fresh, len(names) - indicators, as_of)
        rows.extend((year, profile, *counts) for profile in framework.profiles)
    if not rows:
        # Of years with as many indicators the newest, which the next figures are most likely to complete.
        best = max(lacking, key=lambda found: (found.have, found.edition))
        several = filled["authority_code"].nunique() > 1
        raise SpiError(
            f"no year can be published: the best, {best.edition}, has {best.have} of {len(names)} indicators"
            + (f" for {best.authority}" if several else "")
            + (f" and nothing for {', '.join(best.absent)}" if best.absent else "")
            + f"; {framework.publication.slots:.0%} and every component are needed, see publication in framework.yaml"
        )
    columns = ["edition", "profile", "set_id", "indicators", "fresh", "carried", "missing", "as_of"]
    return pd.DataFrame(rows, columns=columns)


class _Lacking(NamedTuple):
    """Why an authority keeps a year from being published."""

    edition: int
    authority: str
    have: int
    absent: list[str]


def _lacking(
    edition: int, authority: str, own: pd.DataFrame, component_of: dict[str, str], framework: Framework
) -> _Lacking | None:
    """What an authority lacks in a year; None where it lacks nothing."""
    held = own[own["indicator_id"] != ""]
    components = {component_of[name] for name in held["slot"]}
    absent = [name for name in framework.components if name not in components]
    enough = len(held) / len(own) >= framework.publication.slots
    return None if enough and not absent else _Lacking(edition, authority, len(held), absent)

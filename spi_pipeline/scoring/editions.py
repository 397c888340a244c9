"""Which calendar years are published, and which indicator fills each slot of the framework in them.

A slot is an indicator together with its predecessors: the same thing by another definition. At most one of them fills
the slot in an edition, the newest that has values.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections import Counter
from collections.abc import Sequence

import pandas as pd

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.contracts.framework import Framework
from spi_pipeline.contracts.indicators import Indicator

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
    observations: pd.DataFrame, chains: Sequence[Sequence[str]], wards: Sequence[str], share: float
) -> pd.DataFrame:
    """The indicator that fills each slot in each edition.

    Args:
        observations: rows of the product ``observation``.
        chains: indicator ids by slot, newest first.
        wards: the wards counted.
        share: an indicator is present where at least this share of the wards has a value.

    Returns:
        ``edition, slot`` (id of the slot's newest indicator), ``indicator_id`` (empty where none is present),
        ``fresh`` (whether any ward's value is of the edition's own year).
    """
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
    """The editions to publish: enough slots hold a value and every component has at least one.

    Args:
        filled: as ``filled_slots`` returns it, over the whole framework.
        component_of: component of each indicator.
        framework: profiles and the rule of publication.
        as_of: the day the figures were taken.

    Returns:
        The columns of the product ``edition``.

    Raises:
        SpiError: when no year can be published, with what the best year lacks.
    """
    names = sorted(filled["slot"].unique())
    set_id = hashlib.sha256("\n".join(names).encode()).hexdigest()[:12]
    rows: list[tuple[object, ...]] = []
    lacking: dict[int, tuple[int, int, list[str]]] = {}
    for edition in sorted(map(int, filled["edition"].unique())):
        group = filled[filled["edition"] == edition]
        held = group[group["indicator_id"] != ""]
        components = {component_of[name] for name in held["slot"]}
        absent = [name for name in framework.components if name not in components]
        if absent or len(held) / len(group) < framework.publication.slots:
            lacking[edition] = (len(held), len(group), absent)
            continue
        fresh = int(held["fresh"].sum())
        counts = (set_id, len(held), fresh, len(held) - fresh, len(group) - len(held), as_of)
        rows.extend((edition, profile, *counts) for profile in framework.profiles)
    if not rows:
        # Of years with as many indicators the newest, which the next figures are most likely to complete.
        year, (have, of, absent) = max(lacking.items(), key=lambda item: (item[1][0], item[0]))
        raise SpiError(
            f"no year can be published: the best, {year}, has {have} of {of} indicators"
            + (f" and nothing for {', '.join(absent)}" if absent else "")
            + f"; {framework.publication.slots:.0%} and every component are needed, see publication in framework.yaml"
        )
    columns = ["edition", "profile", "set_id", "indicators", "fresh", "carried", "missing", "as_of"]
    return pd.DataFrame(rows, columns=columns)

"""The catalogue of indicators: goalposts, slots and reasons for being outside the basis."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.contracts.loader import load_contracts
from spi_pipeline.contracts.models.indicators import Goalposts
from spi_pipeline.scoring.basis import Slot, slots
from spi_pipeline.scoring.catalogue import catalogue, goalposts
from spi_pipeline.snapshot.embedded import embedded_file
from spi_pipeline_tests.scoring.town import indicator, observed

CONTRACTS = Path(__file__).resolve().parents[2] / "data_contracts"
EMBEDDED = embedded_file(Path(__file__).resolve().parents[2] / "spi_pipeline" / "snapshot" / "england", "reference")
FROM_REFERENCE = Goalposts(source="reference")
ENDS = pd.DataFrame({"low": [3.0, 5.0], "high": [9.0, 5.0]}, ["spread", "flat"])


@pytest.mark.parametrize(("direction", "expected"), [("higher_is_better", (3.0, 9.0)), ("lower_is_better", (9.0, 3.0))])
def test_reference_goalposts_follow_the_direction(direction: str, expected: tuple[float, float]) -> None:
    item = indicator("spread").model_copy(update={"goalposts": FROM_REFERENCE, "direction": direction})
    assert goalposts(item, ENDS) == expected


def test_stated_goalposts_take_precedence_over_the_reference() -> None:
    assert goalposts(indicator("spread", worst=80, best=20), ENDS) == (80, 20)


@pytest.mark.parametrize(("name", "text"), [("local", "does not hold it"), ("flat", "low must be below high")])
def test_a_reference_without_usable_goalposts_is_refused(name: str, text: str) -> None:
    with pytest.raises(SpiError, match=f"indicator {name}.*{text}"):
        goalposts(indicator(name).model_copy(update={"goalposts": FROM_REFERENCE}), ENDS)


def test_the_catalogue_of_the_repository_agrees_with_its_contracts() -> None:
    contracts = load_contracts(CONTRACTS)
    chains = slots(list(contracts.indicators.values()))
    late, *kept = [Slot(chain[0], chain[0], "") for chain in chains]
    chosen = [Slot(late.id, late.filled_by, "Too old."), *kept]
    rows = observed({late.id: [1] * 6}).assign(period_start="2024-01-01")
    table = catalogue(contracts, pd.read_parquet(EMBEDDED), chosen, rows).set_index("indicator_id")
    assert table.loc[late.id, ["in_basis", "not_in_basis_because", "reference_period"]].tolist() == [
        False, "Too old.", "2024-01-01/2024-12-31",
    ]  # fmt: skip
    assert table.loc["theft", "england_period"] == "2025-01-01/2025-12-31", (
        "the period of the level, not of the counts that move it"
    )
    assert pd.isna(table.loc["turnout", "england_period"])
    older = {name: chain[0] for chain in chains for name in chain[1:]}
    assert older
    for name, newest in older.items():
        assert table.loc[name, "slot_id"] == newest
        assert not table.loc[name, "in_basis"]
        assert table.loc[name, "not_in_basis_because"] == f"{newest} fills the slot in every edition."
    assert set(table.index[table["in_basis"]]) == {slot.id for slot in kept}
    assert set(table.index) == set(contracts.indicators)
    assert ((table["best"] > table["worst"]) == (table["direction"] == "higher_is_better")).all()
    assert set(table["goalpost_source"]) == {"reference", "cap", "theory"}
    assert set(table.index[table["relative"]]) == {
        name for name, item in contracts.indicators.items()
        if item.unit in ("standard_score", "ratio", "risk_score", "connectivity_score")
    }  # fmt: skip

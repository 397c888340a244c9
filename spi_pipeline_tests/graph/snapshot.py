"""The graph as data: ``graph.json`` says of every asset its group, what it reads and how it is checked.

A test fails when it is stale. Look at the difference, and where it is meant, write the file anew::

    python -m spi_pipeline_tests.graph.snapshot
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import dagster as dg

from spi_pipeline.orchestration.build import build_definitions
from spi_pipeline.settings import Settings
from spi_pipeline_tests.integration.houses import CONTRACTS

SNAPSHOT = Path(__file__).with_name("graph.json")
SETTINGS = Settings(store="a_store_that_is_never_made", mode="snapshot", contracts=CONTRACTS)


def definitions() -> dg.Definitions:
    """What Dagster loads, from the repository's own contracts; the store is never touched."""
    return build_definitions(SETTINGS)


def graph_of(found: dg.Definitions) -> dict[str, dict[str, Any]]:
    """Group, dependencies and checks of every asset, by its key as people write it."""
    assets = found.resolve_asset_graph()
    return {
        key.to_user_string(): {
            "group": assets.get(key).group_name,
            "deps": sorted(parent.to_user_string() for parent in assets.get(key).parent_keys),
            "checks": sorted(check.name for check in assets.get(key).check_keys),
        }
        for key in sorted(assets.get_all_asset_keys(), key=lambda key: key.path)
    }


def as_text(graph: dict[str, dict[str, Any]]) -> str:
    """One line for each asset, so that a difference reads as a difference."""
    lines = ",\n".join(f" {json.dumps(key)}: {json.dumps(about)}" for key, about in graph.items())
    return f"{{\n{lines}\n}}\n"


if __name__ == "__main__":
    SNAPSHOT.write_text(as_text(graph_of(definitions())), encoding="utf-8")

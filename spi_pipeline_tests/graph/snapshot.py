"""The graph as data: ``graph.json`` lists the assets, the inputs and the checks of every group of assets.

It holds counts instead of the names of single assets, so that a reviewer can read a difference: a new indicator raises
a count by one, a new kind of step adds a word. A test fails when the file is stale. Review the difference; if it is
intended, rewrite the file::

    python -m spi_pipeline_tests.graph.snapshot
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any, get_args

import dagster as dg

from spi_pipeline.orchestration.build import build_definitions
from spi_pipeline.settings import OutputName, Settings
from spi_pipeline_tests.integration.sandboxes import CONTRACTS

SNAPSHOT = Path(__file__).with_name("graph.json")
# All outputs are on, so that the graph includes each of them.
SETTINGS = Settings(
    store="a_store_that_is_never_made", mode="snapshot", contracts=CONTRACTS, outputs=frozenset(get_args(OutputName))
)


def definitions() -> dg.Definitions:
    """The definitions that Dagster loads from the repository's contracts; the store is never touched."""
    return build_definitions(SETTINGS)


def graph_of(loaded: dg.Definitions) -> dict[str, dict[str, Any]]:
    """Group, dependencies and checks of every asset, by its key as Dagster displays it."""
    assets = loaded.resolve_asset_graph()
    return {
        key.to_user_string(): {
            "group": assets.get(key).group_name,
            "deps": sorted(parent.to_user_string() for parent in assets.get(key).parent_keys),
            "checks": sorted(check.name for check in assets.get(key).check_keys),
        }
        for key in sorted(assets.get_all_asset_keys(), key=lambda key: key.path)
    }


def groups_of(graph: dict[str, dict[str, Any]]) -> dict[str, dict[str, dict[str, int]]]:
    """Counts for every group: assets by kind, dependencies by the group they come from, and checks by name."""
    groups: dict[str, dict[str, Counter[str]]] = {}
    for key, about in graph.items():
        group = groups.setdefault(about["group"], {"assets": Counter(), "reads": Counter(), "checks": Counter()})
        group["assets"][key.split("/")[0]] += 1
        group["reads"].update(graph[dep]["group"] for dep in about["deps"])
        group["checks"].update(about["checks"])
    return {
        group: {what: dict(sorted(counts.items())) for what, counts in about.items()}
        for group, about in sorted(groups.items())
    }


def as_text(graph: dict[str, dict[str, Any]]) -> str:
    """One line for each group, so that a diff is easy to read."""
    lines = ",\n".join(f" {json.dumps(group)}: {json.dumps(about)}" for group, about in groups_of(graph).items())
    return f"{{\n{lines}\n}}\n"


if __name__ == "__main__":
    SNAPSHOT.write_text(as_text(graph_of(definitions())), encoding="utf-8")

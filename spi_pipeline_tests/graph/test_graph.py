"""The graph that Dagster loads, tested as data, since Dagster accepts checks on unknown assets and empty jobs."""

from __future__ import annotations

import difflib
import itertools
import tomllib
from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest
import yaml

import spi_pipeline.definitions
from spi_pipeline.contracts.errors import ContractError
from spi_pipeline.contracts.freshness import FRESH
from spi_pipeline.contracts.models.contracts import Contracts, contract_of
from spi_pipeline.contracts.models.geography import OF_ENGLAND
from spi_pipeline.contracts.models.own_areas import OwnArea
from spi_pipeline.orchestration.asset_checks import CHECKS, DRIFT
from spi_pipeline.orchestration.assets import asset_key, operations
from spi_pipeline.orchestration.build import INDEX_GROUPS
from spi_pipeline.orchestration.instance import DAGSTER_YAML, ONE_FILE
from spi_pipeline.orchestration.runs import LOCATION
from spi_pipeline.outputs.errors import CENSUS
from spi_pipeline.rules.kinds import KINDS, family_of
from spi_pipeline.run.plan import build_plan, downstream, is_table
from spi_pipeline.run.result import COMPUTED
from spi_pipeline.steps.inputs import EMBEDDED, FACTS, NEXT_TO_CONTRACTS, PACKAGED, RECORDS, RELEASED
from spi_pipeline_tests.graph.snapshot import SNAPSHOT, as_text, graph_of
from spi_pipeline_tests.integration.sandboxes import CONTRACTS

# The order in which data flow; the groups of sources, one for each publisher, come before all others.
ORDER = ("geography", "context", "indicators", "basis", "components", "dimensions", "index", "analysis", "published")


def _place(group: str) -> int:
    return 1 + ORDER.index(group) if group in ORDER else 0


def test_dagster_loads_our_definitions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    loaded = spi_pipeline.definitions.defs()
    dg.Definitions.validate_loadable(loaded)
    assert not list(tmp_path.iterdir())  # loading writes nothing


def test_dagster_dev_and_dg_use_the_same_settings_as_spi_ui() -> None:
    root = CONTRACTS.parent
    settings = yaml.safe_load((root / "dagster.yaml").read_text(encoding="utf-8"))
    storages = {name: settings.pop(name) for name in ("run_storage", "schedule_storage", "event_log_storage")}
    assert settings == yaml.safe_load(DAGSTER_YAML)
    assert storages["event_log_storage"]["class"] == yaml.safe_load(ONE_FILE)["event_log_storage"]["class"]
    tools = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    assert tools["dg"]["project"]["code_location_target_module"] == tools["dagster"]["module_name"] == LOCATION
    assert tools["dg"]["project"]["code_location_name"] == tools["dagster"]["code_location_name"] == LOCATION


def test_definitions_stay_short() -> None:
    lines = Path(str(spi_pipeline.definitions.__file__)).read_text(encoding="utf-8").splitlines()
    assert len(lines) < 60


def test_the_graph_equals_the_recorded_one(defs: dg.Definitions) -> None:
    current, recorded = as_text(graph_of(defs)), SNAPSHOT.read_text(encoding="utf-8")
    difference = difflib.unified_diff(
        recorded.splitlines(), current.splitlines(), "graph.json", "found", n=0, lineterm=""
    )
    changes = "\n".join(difference)
    assert current == recorded, (
        f"the graph has changed; if this is intended: python -m spi_pipeline_tests.graph.snapshot\n{changes}"
    )


def test_a_source_cannot_use_the_group_of_other_steps(contracts: Contracts) -> None:
    source = contracts.sources["street_crime"]
    conflicting = replace(source, properties=source.properties.model_copy(update={"group": "published"}))
    with pytest.raises(ContractError, match=r"sources/street_crime\.yaml: 'published' is the group of other steps; "):
        build_plan(replace(contracts, sources=contracts.sources | {source.id: conflicting}))


def test_every_asset_can_be_computed(defs: dg.Definitions, contracts: Contracts) -> None:
    assets = defs.resolve_asset_graph()
    assert assets.executable_asset_keys == assets.get_all_asset_keys()
    assert {asset_key(step) for step in build_plan(contracts)} == assets.get_all_asset_keys()


def test_checks_are_on_assets_that_exist(defs: dg.Definitions) -> None:
    assets = defs.resolve_asset_graph()
    assert assets.asset_check_keys
    assert {key.asset_key for key in assets.asset_check_keys} <= assets.get_all_asset_keys()


def test_an_asset_has_one_check_for_each_family_of_its_rules(defs: dg.Definitions, contracts: Contracts) -> None:
    assets = defs.resolve_asset_graph()
    for step in build_plan(contracts):
        tables = list(filter(is_table, step.outputs))
        kinds = {rule.kind for table in tables for rule in contract_of(table, contracts).rules}
        kinds |= {COMPUTED.kind} if tables else set()
        kinds |= {FRESH} if step.kind == "source" else set()  # drift is judged where figures are fetched
        names = {CHECKS[family_of(kind)][0] for kind in kinds}
        assert {key.name for key in assets.get(asset_key(step)).check_keys} == names
    assert len(assets.asset_check_keys) <= 720


def test_every_kind_of_rule_has_a_family() -> None:
    assert {family_of(kind) for kind in (*KINDS, COMPUTED.kind, FRESH, DRIFT)} == CHECKS.keys()


def test_a_check_describes_the_effect_of_an_error(defs: dg.Definitions) -> None:
    assets = defs.resolve_asset_graph()
    for key in assets.asset_check_keys:
        spec = assets.get_check_spec(key)
        assert "An error refuses the table, and the last good version stays in use" in str(spec.description)
        assert not spec.blocking  # a blocking check would stop dependants, which continue from the last good version


def test_no_edge_runs_against_the_flow_of_data(defs: dg.Definitions) -> None:
    graph = graph_of(defs)
    backwards = [
        (dep, key)
        for key, about in graph.items()
        for dep in about["deps"]
        if _place(graph[dep]["group"]) > _place(about["group"])
    ]
    assert backwards == []
    assert {_place(about["group"]) for about in graph.values()} == set(range(len(ORDER) + 1))


def test_the_lineage_of_groups_is_one_line(defs: dg.Definitions) -> None:
    """A few short edges run alongside the line.

    Components read indicators, the analysis compares context with the index, and observations and the newest months are
    published unchanged. The wards of England set goalposts and weights in the basis, and the analysis shows what the
    index correlates with across all of them.
    """
    graph = graph_of(defs)
    edges = {(graph[dep]["group"], about["group"]) for about in graph.values() for dep in about["deps"]}
    line = ["geography", "indicators", "basis", "components", "dimensions", "index", "analysis", "published"]
    alongside = {("indicators", "components"), ("geography", "context"), ("context", "analysis")}
    alongside |= {("index", "published"), ("context", "published")}
    between = {(one, other) for one, other in edges if one != other and one in ORDER}
    assert between == set(itertools.pairwise(line)) | alongside
    first_read = {other for one, other in edges if one not in ORDER}
    assert first_read == {"geography", "indicators", "context", "basis", "analysis"}


@pytest.mark.parametrize("question", ["sanity", "published_finding"])
def test_checks_of_the_finished_index_influence_nothing(contracts: Contracts, question: str) -> None:
    plan = build_plan(contracts)
    written = {table for step in plan if step.kind == question for table in step.outputs}
    assert written
    own_steps = {step.label for step in plan if step.kind == question}
    shown = {step.label for step in plan if step.kind == "output"}
    assert {step.label for step in downstream(plan, written)} - own_steps == {"publication/outputs", *shown}
    file = {"sanity": "sanity.yaml", "published_finding": "published_findings.yaml"}[question]
    assert {step.label for step in plan if file in step.files and step.kind != question} == shown


def test_only_sources_read_nothing(defs: dg.Definitions, contracts: Contracts) -> None:
    roots = {key for key, about in graph_of(defs).items() if not about["deps"]}
    assert roots == {f"source/{name}" for name in contracts.sources.keys() - contracts.unavailable}


def _upstream(graph: dict[str, dict[str, list[str]]], key: str) -> set[str]:
    """The asset and everything upstream of it."""
    reached, remaining = set(), [key]
    while remaining:
        key = remaining.pop()
        reached.add(key)
        remaining += [dep for dep in graph[key]["deps"] if dep not in reached]
    return reached


def test_every_source_serves_the_index_the_context_or_the_errors(defs: dg.Definitions, contracts: Contracts) -> None:
    graph = graph_of(defs)
    index = _upstream(graph, f"index/{contracts.framework.id}")
    context = _upstream(graph, "context_figures") | _upstream(graph, "decade")
    sources = {f"source/{name}" for name in contracts.sources.keys() - contracts.unavailable}
    # Some census tables only show how much the pieces of an area differ, which gives the error of allocation.
    outside_index = sources - index - {f"source/{name}" for name in CENSUS}
    # Two lookups serve only to build: one makes the reference, the other gives the police force of a council.
    lookups = {"source/lsoa_2011_msoa", "source/authority_lookup"}
    assert lookups <= outside_index
    # Results computed for England are reported alongside the index and enter no score.
    outside_index -= lookups | {f"source/{name}" for name in OF_ENGLAND.values()}
    assert outside_index <= context
    assert "source/household_income" in outside_index
    stated = [*contracts.context.values(), *contracts.decade]
    assert outside_index <= {f"source/{item.source}" for item in stated}


def test_the_context_is_never_an_input_of_the_index(defs: dg.Definitions, contracts: Contracts) -> None:
    graph = graph_of(defs)
    scored = {key for key, about in graph.items() if about["group"] in ("components", "dimensions", "index")}
    assert len(scored) == 12 + 3 + 1
    upstream = set().union(*(_upstream(graph, key) for key in scored))
    assert {"context_figures", "decade"}.isdisjoint(upstream)
    analysis = {key for key, about in graph.items() if about["group"] == "analysis"}
    assert len(analysis) == 3 + 4 + 6
    assert analysis.isdisjoint(upstream), "the analysis reads the index and never feeds it"
    assert "context_figures" in _upstream(graph, "publication/outputs"), "readers see it alongside the index"


def is_external(name: str) -> bool:
    """Whether an input comes from anywhere but another step."""
    return name.startswith((EMBEDDED, RECORDS, PACKAGED, NEXT_TO_CONTRACTS)) or name in (*FACTS, RELEASED)


def test_every_table_belongs_to_one_asset(contracts: Contracts) -> None:
    assert not any(step.group == "own_areas" for step in build_plan(contracts)), "Luton has no areas of its own"
    area = OwnArea(id="board", title="Board", codes=["E05014735"])
    plan = build_plan(replace(contracts, own_areas={area.id: area}))
    tables = [table for step in plan for table in step.outputs]
    assert len(tables) == len(set(tables))
    recorded = {"check_result", "source_release", "outside_total"}  # appended by every run, outside any asset
    assert {table.split(".")[0] for table in tables if is_table(table)} == {
        *contracts.sources,
        *contracts.products,
    } - recorded - contracts.unavailable
    assert {table for step in plan for table in step.inputs if not is_external(table)} <= set(tables)


def test_steps_follow_the_steps_they_read(contracts: Contracts) -> None:
    written: set[str] = set()
    for step in build_plan(contracts):
        assert written.issuperset(name for name in step.inputs if not is_external(name)), step.label
        written.update(step.outputs)


def test_steps_are_unique_and_every_step_is_in_one_operation(contracts: Contracts) -> None:
    plan = build_plan(contracts)
    assert len({step.key for step in plan}) == len(plan)
    grouped = [step for steps in operations(plan).values() for step in steps]
    assert sorted(step.key for step in grouped) == sorted(step.key for step in plan)


def test_steps_of_one_operation_do_not_read_from_each_other(contracts: Contracts) -> None:
    for steps in operations(build_plan(contracts)).values():
        written = {table for step in steps for table in step.outputs}
        assert not any(written.intersection(step.inputs) for step in steps)


def test_contract_files_of_every_step_exist(contracts: Contracts) -> None:
    for step in build_plan(contracts):
        for file in step.files:
            assert (contracts.root / file).is_file(), f"{step.label} names {file}"


@pytest.mark.parametrize("job", ["refresh", "rebuild_index"])
def test_jobs_select_the_groups_they_describe(defs: dg.Definitions, job: str) -> None:
    graph = graph_of(defs)
    selected = {key.to_user_string() for key in defs.resolve_job_def(job).asset_layer.selected_asset_keys}
    expected = {key for key, about in graph.items() if job == "refresh" or about["group"] in INDEX_GROUPS}
    assert selected == expected
    assert selected


def test_rebuilding_the_index_runs_from_editions_to_the_database() -> None:
    assert ORDER[ORDER.index("basis") :] == INDEX_GROUPS

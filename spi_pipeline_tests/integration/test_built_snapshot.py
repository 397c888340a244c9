"""A snapshot built from data fetched from the local publishers gives the same scores without a network."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner

from spi_pipeline.cli import app
from spi_pipeline.contracts.arrow import to_arrow
from spi_pipeline.contracts.download import Download
from spi_pipeline.orchestration.refresh import Refresh, refresh
from spi_pipeline.publishers.offers import OFFERS
from spi_pipeline.run.plan import build_plan
from spi_pipeline.steps.sources.publishers import Publishers as Asking
from spi_pipeline.storage.documents import unsealed
from spi_pipeline_tests.imitations import Publishers, local_publishers
from spi_pipeline_tests.imitations.pointing import point
from spi_pipeline_tests.integration.sandboxes import Sandbox, empty_sandbox

INDEX = "index/social_progress_index"


def refresh_all(sandbox: Sandbox) -> Refresh:
    """Refresh every source and everything that the index needs."""
    contracts = sandbox.contracts
    sources = [step.label for step in build_plan(contracts) if step.kind == "source"]
    return refresh(sandbox.settings, contracts, [*sources, INDEX])


@dataclass(frozen=True)
class Fetched:
    """A sandbox with every source fetched, and the result of that refresh."""

    sandbox: Sandbox
    done: Refresh
    publishers: Publishers


@pytest.fixture(scope="module")
def fetched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fetched]:
    folder = tmp_path_factory.mktemp("frozen")
    with local_publishers(months=14) as served, pytest.MonkeyPatch.context() as patch:
        point(patch, served.bases)
        base = empty_sandbox(folder)
        sandbox = Sandbox(base.settings.model_copy(update={"mode": "live"}))
        yield Fetched(sandbox, refresh_all(sandbox), served)


def test_every_live_source_is_fetched_and_editions_share_one_basis(fetched: Fetched) -> None:
    assert fetched.done.faults == []
    live = {name for name, source in fetched.sandbox.contracts.sources.items() if source.properties.mode == "live"}
    assert not {"bus_service", "postcodes", "reference"} & live
    for name in live - {"broadband_coverage"}:
        origins = json.loads(fetched.sandbox.store.read(name).schema.metadata[b"spi_origins"])
        assert all(item["url"].startswith("http://127.0.0.1") for item in origins), name
    assert len(set(fetched.sandbox.store.read("edition")["basis_id"].to_pylist())) == 1


def test_a_table_can_be_recomputed_from_the_downloads_it_names(fetched: Fetched) -> None:
    sandbox = fetched.sandbox
    store = sandbox.store
    areas = Asking(
        sandbox.settings.endpoints, None, sandbox.contracts, store, sandbox.settings.snapshot, "drop", {}, 1
    ).areas
    for name in ("street_crime", "local_health", "census_car_availability", "diagnosed_conditions", "lsoa_best_fit"):
        table = store.read(name)
        downloads = []
        for item in json.loads(table.schema.metadata[b"spi_origins"]):
            path = Path(sandbox.settings.store) / item["file"]
            manifest = unsealed(path.with_name(f"{path.name}.json").read_bytes())
            assert (manifest["sha256"], manifest["url"]) == (item["sha256"], item["url"])
            downloads.append(Download(path=path, **{**manifest, "period": item["period"]}))
        parse = OFFERS[name].parse
        assert parse
        again = to_arrow(parse(downloads, areas), sandbox.contracts.sources[name])
        assert again.replace_schema_metadata(None).equals(table.replace_schema_metadata(None)), name


def test_a_snapshot_of_the_fetched_data_gives_the_same_scores(fetched: Fetched, tmp_path: Path) -> None:
    sandbox, folder = fetched.sandbox, tmp_path / "frozen"
    built = CliRunner().invoke(app, ["snapshot", "build", "--from-store", "--to", str(folder)], env=sandbox.environment)
    assert built.exit_code == 0, built.output
    request_count = len(fetched.publishers.requests)
    theirs = Sandbox(
        sandbox.settings.model_copy(update={"mode": "snapshot", "snapshot": folder, "store": str(tmp_path / "store")})
    )
    done = refresh_all(theirs)
    assert done.faults == []
    assert len(fetched.publishers.requests) == request_count, "no request was made"
    parts = ("element_score.", "indicator_value.")
    for name in (version for version in sandbox.store.versions() if version.startswith(parts)):
        assert theirs.store.read(name).equals(sandbox.store.read(name)), name
    for name in ("edition", "indicator"):
        assert theirs.store.read(name).equals(sandbox.store.read(name)), name

"""Releases by command: created, signed, compared with later figures and reproduced from their own folder."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from spi_pipeline_tests.integration.fixtures import Command
from spi_pipeline_tests.integration.sandboxes import Sandbox, column, copied

SIGN = ("--by", "Ann", "--note", "the first")
TURNOUT = "indicators/rights_and_voice.yaml"


def revise(sandbox: Sandbox) -> None:
    """Raise the first ward's turnout by two points."""
    sandbox.rewrite("local_elections_2023", lambda table: column(table, "turnout", lambda old: [old[0] + 2, *old[1:]]))


@pytest.fixture(scope="module")
def released(refreshed: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    """A sandbox with a signed release; not to be changed."""
    from spi_pipeline.run.freezing import freeze
    from spi_pipeline.storage.published.releases import SIGNED

    sandbox = copied(refreshed, tmp_path_factory.mktemp("released"))
    with sandbox.store.lock():
        release = freeze(sandbox.settings, sandbox.contracts, "first")
        sandbox.store.releases.add(release, SIGNED, at="2026-11-28T00:00:00+00:00", by="Ann", note="the first")
    return sandbox


@pytest.fixture
def later(released: Sandbox, tmp_path: Path) -> Sandbox:
    """A copy of ``released`` that the test may change."""
    return copied(released, tmp_path)


def test_a_release_is_created_signed_and_listed(sandbox: Sandbox, spi: Command) -> None:
    created = spi(sandbox, "release", "create", "--id", "first")
    assert created.code == 0, created.err
    assert "To sign it: spi release publish first --by NAME" in created.out
    assert spi(sandbox, "release", "publish", "first", *SIGN).code == 0
    assert "first: signed, figures of " in spi(sandbox, "release", "list").out
    release = json.loads(spi(sandbox, "release", "show", "first", "--json").out)
    assert release["state"] == "signed"
    assert release["events"][0]["by"] == "Ann"
    assert release["tables"] == sandbox.digests()
    assert {"code", "libraries", "contracts", "snapshot", "downloads", "editions"} <= release.keys()
    again = spi(sandbox, "release", "publish", "first", *SIGN)
    assert (again.code, again.err) == (1, "Release first is signed; only one that is draft can be signed.\n")
    nearest = spi(sandbox, "release", "show", "frist")
    assert (nearest.code, nearest.err) == (2, "there is no release 'frist'; did you mean first?\n")


def test_a_publication_that_is_not_up_to_date_cannot_be_released(sandbox: Sandbox, spi: Command) -> None:
    revise(sandbox)
    result = spi(sandbox, "release", "create")
    assert result.code == 1
    assert "The publication is not up to date: " in result.err
    assert sandbox.store.releases.all() == []


def test_a_release_is_revised_corrected_and_withdrawn_with_a_reason(later: Sandbox, spi: Command) -> None:
    revise(later)
    assert later.refresh().faults == []
    assert spi(later, "release", "create", "--id", "second").code == 0
    assert spi(later, "release", "publish", "second", *SIGN, "--revises", "first").code == 0
    assert [release.state for release in later.store.releases.all()] == ["revised", "signed"]
    assert spi(later, "release", "erratum", "first", "--by", "Bo", "--note", "a figure was wrong").code == 0
    assert spi(later, "release", "withdraw", "second", "--by", "Bo", "--reason", "too early").code == 0
    assert later.store.releases.newest() is None
    assert "too early" in spi(later, "release", "list").out


def test_one_revised_figure_is_reported_as_a_revision(later: Sandbox, spi: Command) -> None:
    revise(later)
    done = later.refresh()
    assert done.faults == []
    rows = later.query(
        "SELECT change, from_revision, area_code FROM release_change WHERE level = 'indicator' AND change <> 0"
    )
    assert rows
    assert all(change == pytest.approx(part) for change, part, _ in rows)
    # Wards without a turnout of their own change too, because their estimates follow from the other wards.
    assert {code for _, _, code in rows} >= {"E05014735", "E06000032"}
    result = spi(later, "diff", "first")
    assert result.code == 0
    assert "The index, 2026, spi" in result.out
    assert "Barnfield" in result.out
    assert spi(later, "diff", "first", "--markdown").out.count("## ") == 2
    report = json.loads(spi(later, "diff", "first", "--json").out)
    assert len(report["release_change"]) == later.query("SELECT count(*) FROM release_change")[0][0]
    same = spi(later, "diff", "first", "first")
    assert same.out == "No score and no indicator differs between first and first.\n"


def test_an_additional_month_is_reported_as_newer_figures_and_other_windows(
    refreshed: Sandbox, tmp_path: Path, spi: Command
) -> None:
    sandbox = copied(refreshed, tmp_path)
    sandbox.rewrite("street_crime", lambda table: _without_newest(table))
    assert sandbox.refresh().faults == []
    assert spi(sandbox, "release", "create", "--id", "first").code == 0
    assert spi(sandbox, "release", "publish", "first", *SIGN).code == 0
    sandbox.restore_figures()
    assert sandbox.refresh().faults == []
    parts = sandbox.query(
        "SELECT edition, sum(abs(from_newer)) > 0, sum(abs(from_window)) > 0, "
        "max(abs(change - from_newer - from_window)) < 1e-8 FROM release_change WHERE level = 'index' AND profile = "
        "'spi' GROUP BY ALL ORDER BY edition"
    )
    newest = parts[-1]
    assert newest[1:] == (True, False, True)
    assert (True, True) in [(window, whole) for _, _, window, whole in parts]
    assert all(whole for *_, whole in parts)


def _without_newest(table: pa.Table) -> pa.Table:
    return table.filter(pc.not_equal(table["month"], pc.max(table["month"])))


def test_a_release_is_reproduced_elsewhere_from_its_own_folder(released: Sandbox, spi: Command, tmp_path: Path) -> None:
    copy = tmp_path / "carried" / "first"
    shutil.copytree(released.store.releases.get("first").folder, copy)
    elsewhere = Sandbox(released.settings.model_copy(update={"store": str(tmp_path / "none")}))
    result = spi(elsewhere, "refresh", "--release", str(copy))
    assert result.code == 0, result.err
    assert result.out.startswith("Release first was reproduced: every figure of ")
    assert not (tmp_path / "none").exists()


def test_a_changed_file_of_a_release_is_reported_when_it_is_reproduced(
    released: Sandbox, spi: Command, tmp_path: Path
) -> None:
    release = released.store.releases.get("first")
    copy = tmp_path / "carried" / "first"
    shutil.copytree(release.folder, copy)
    file = copy / "contracts" / TURNOUT
    file.chmod(0o644)
    file.write_text(file.read_text("utf-8").replace("best: 60", "best: 61"), "utf-8")
    result = spi(released, "refresh", "--release", str(copy))
    assert result.code == 1
    assert f"{file} of release first has changed since the release was made" in result.err


def test_a_damaged_record_of_a_release_stops_no_refresh(later: Sandbox, spi: Command) -> None:
    (later.store.root / "releases" / "first.json").write_text("garbage")
    assert later.refresh().faults == []
    status = spi(later, "status", "--json")
    assert status.code == 1
    assert json.loads(status.out)["damage"][0].startswith("The record of release first is damaged")
    for command in (["release", "list"], ["diff", "first"], ["refresh", "--release", "first"]):
        result = spi(later, *command)
        assert (result.code, result.err.count("\n")) == (1, 1), result.err
        assert "restore it from a backup" in result.err


def test_the_folder_of_a_release_is_described_by_its_own_contracts(
    later: Sandbox, spi: Command, tmp_path: Path
) -> None:
    later.amend(TURNOUT, "best: 60", "best: 61")
    later.amend(TURNOUT, "title: Turnout at the local election", "title: Votes cast at the local election")
    assert later.refresh().faults == []
    for folder, options in (("then", ["--release", "first"]), ("now", [])):
        result = spi(later, "publish", str(tmp_path / folder), *options)
        assert result.code == 0, result.err
    datasets = {folder: (tmp_path / folder / "dataset.jsonld").read_text("utf-8") for folder in ("then", "now")}
    assert "Turnout at the local election" in datasets["then"]
    assert "Votes cast" not in datasets["then"]
    assert "Votes cast at the local election" in datasets["now"]
    assert (tmp_path / "then" / "downloads" / "score-first.csv").is_file()


def test_the_public_sees_the_signed_release_if_sign_off_is_required(later: Sandbox, spi: Command) -> None:
    later.amend("publication.yaml", "sign_off: false", "sign_off: true")
    revise(later)
    assert later.refresh().faults == []
    first = later.store.releases.get("first")
    assert later.store.public.resolve() == first.published
    assert later.store.published.resolve() != first.published
    later.amend("publication.yaml", "sign_off: true", "sign_off: false")
    assert later.refresh().faults == []
    assert later.store.public.resolve() == later.store.published.resolve()

"""``docs/tutorial.md`` followed block by block, in a folder with a refreshed store."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from spi_pipeline_tests.docs.conftest import OWN_SETTINGS, program
from spi_pipeline_tests.docs.documents import REPOSITORY, run_examples, text

TUTORIAL = REPOSITORY / "docs" / "tutorial.md"


@pytest.fixture(scope="module")
def followed(refreshed: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """The folder in which the tutorial was followed, and the variables that its blocks define."""
    folder = tmp_path_factory.mktemp("tutorial")
    (folder / "spi_store").symlink_to(refreshed / "spi_store")

    def shell(block: str) -> str:
        environment = {name: value for name, value in os.environ.items() if not name.startswith(OWN_SETTINGS)}
        environment["PATH"] = f"{Path(program('spi')).parent}:{environment['PATH']}"
        ran = subprocess.run(
            ["bash", "-ec", block], env=environment, capture_output=True, text=True, check=False, timeout=300
        )
        assert ran.returncode == 0, f"{block}{ran.stderr}"
        return ran.stdout

    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("MPLBACKEND", "agg")
        names = run_examples(TUTORIAL, text(TUTORIAL), shell)
    names["plt"].close("all")
    return folder, names


def test_the_computation_by_hand_equals_the_published_scores(followed: tuple[Path, dict[str, Any]]) -> None:
    """The page itself prints whether they agree, so a page that showed False would match its own output."""
    both, again = followed[1]["both"], followed[1]["again"]
    assert set(both["level"]) == {"indicator", "component", "dimension", "index"}
    assert both["apart"].max() < 1e-9
    assert (again["score"] - again["published"]).abs().max() < 1e-9
    assert len(both) == len(again) == 20 * 49


def test_a_changed_weight_gives_the_same_by_query_and_by_command(followed: tuple[Path, dict[str, Any]]) -> None:
    folder, names = followed
    dimensions, twice = names["dimensions"], names["twice"]
    part = dimensions["id"].map({"opportunity": 2}).fillna(1)
    recomputed = (dimensions["score"] * part).groupby(dimensions["area_code"]).sum() / 4
    assert (twice.set_index("area_code")["score"] - recomputed).abs().max() < 1e-9
    assert (folder / "opportunity_twice.csv").exists()


def test_the_chart_shows_the_rank_and_interval_of_every_ward(followed: tuple[Path, dict[str, Any]]) -> None:
    folder, names = followed
    wards, axes = names["wards"], names["axes"]
    assert [label.get_text() for label in axes.get_yticklabels()] == wards["area_name"].tolist()
    assert len(wards) == 20
    assert axes.lines[0].get_xdata().tolist() == wards["rank"].tolist()
    drawn = [(segment[0][0], segment[1][0]) for segment in axes.collections[0].get_segments()]
    assert drawn == list(zip(wards["rank_low"], wards["rank_high"], strict=True))
    image = names["plt"].imread(folder / "wards.png")
    assert image.shape[:2] == (900, 1050)
    assert image[..., :3].std() > 0.05, "the chart is not blank"

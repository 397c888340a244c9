"""Every example in docs/library.md prints the output shown, and the example from COINr gives COINr's figures."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest

import spi_pipeline
from spi_pipeline import engine
from spi_pipeline_tests.docs.documents import REPOSITORY, run_examples, text
from spi_pipeline_tests.published.files import published

LIBRARY = REPOSITORY / "docs" / "library.md"
COINR = "## COINr's example\n"
FIRST, SECOND = text(LIBRARY).split(COINR)


def test_every_example_prints_what_the_page_shows() -> None:
    assert run_examples(LIBRARY, FIRST)["scores"].scores.shape == (4, 6)


def test_the_coinr_example_gives_coinrs_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = published("coinr_asem/ASEM_iMeta.csv").parent
    monkeypatch.chdir(folder)
    scores = run_examples(LIBRARY, SECOND)["scores"]
    results = scores.scores.droplevel("edition")
    expected = pd.read_csv(folder / "dset_Aggregated.csv", index_col="uCode")
    assert results.shape == (51, 60)
    assert (results - expected[results.columns]).abs().to_numpy().max() < 1e-9
    ranks = pd.read_csv(folder / "results_full.csv", index_col="uCode")["Rank"]
    assert scores.ranks()["Index"].droplevel("edition").to_dict() == ranks.to_dict()
    shown = dict(re.findall(r"([A-Z]{3}) (\d\d\.\d{4})", SECOND))
    assert {name: f"{results['Index'][name]:.4f}" for name in shown} == shown
    assert list(shown) == list(results["Index"].nlargest(5).index)


def test_every_function_is_on_the_page_and_documents_arguments_and_result() -> None:
    functions = {name for name in engine.__all__ if name[0].islower()}
    assert set(re.findall(r"^\| `(\w+)` \|", FIRST, re.MULTILINE)) == functions
    for name in functions:
        words = getattr(engine, name).__doc__
        assert "Args:" in words
        assert "Returns:" in words
        assert "Raises:" in words or name == "check"


def test_the_package_is_marked_as_typed() -> None:
    assert (Path(spi_pipeline.__file__).parent / "py.typed").exists()

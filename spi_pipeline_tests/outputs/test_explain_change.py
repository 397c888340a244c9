"""``spi explain --change``: the parts of a change, checked against published tables and by independent sums."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spi_pipeline.outputs.explain.change import ChangeExplanation, ElementChange, explain_change, parts
from spi_pipeline.outputs.explain.question import open_question
from spi_pipeline.outputs.queries import UnknownNameError
from spi_pipeline_tests.integration.fixtures import Command
from spi_pipeline_tests.integration.sandboxes import Sandbox

INDEX = "social_progress_index"


def explanation_of(
    sandbox: Sandbox, area: str, element: str, *pair: int | None, profile: str = "spi"
) -> ChangeExplanation:
    with open_question(sandbox.store.database, sandbox.contracts, area, element, profile) as question:
        return explain_change(question, *pair)


def nodes(node: ElementChange) -> Iterator[ElementChange]:
    yield node
    for child in node.children:
        yield from nodes(child)


def editions(sandbox: Sandbox) -> list[int]:
    return [year for (year,) in sandbox.query("SELECT DISTINCT edition FROM edition ORDER BY 1")]


@pytest.mark.parametrize(("area", "profile"), [("Farley", "spi"), ("Farley", "equal"), ("Luton", "spi")])
def test_parts_add_up_to_every_change(refreshed: Sandbox, area: str, profile: str) -> None:
    explanation = explanation_of(refreshed, area, INDEX, profile=profile)
    checked = 0
    for node in nodes(explanation.root):
        if node.change is None or not node.children:
            continue
        total = sum(child.part for child in node.children if child.part is not None) + (node.from_weights or 0.0)
        # Changes are published with nine decimals.
        assert total == pytest.approx(node.change["change"], abs=2e-9), node.id
        assert node.change["change"] == pytest.approx(node.change["from_data"] + node.change["from_imputation"])
        checked += 1
    assert checked >= 15
    assert {abs(node.part or 0) > 0 for node in nodes(explanation.root)} == {True, False}, (
        "some parts changed and some did not"
    )


def test_with_constant_weights_a_part_is_weight_times_the_childs_change(refreshed: Sandbox) -> None:
    """Computes each part from weights and changes instead of contributions."""
    explanation = explanation_of(refreshed, "Dallow", "safety")
    weights = dict(refreshed.query(
        "SELECT id, weight FROM weight WHERE parent_id = 'safety' AND profile = 'spi' AND edition = ?",
        explanation.edition_to,
    ))  # fmt: skip
    assert explanation.root.from_weights == 0
    for child in explanation.root.children:
        assert child.change is not None
        assert child.part == pytest.approx(weights[child.id] * child.change["change"], abs=2e-9)
        assert child.part != 0
    sizes = [abs(child.part or 0) for child in explanation.root.children]
    assert sizes == sorted(sizes, reverse=True)


def test_every_figure_of_a_change_is_as_published(refreshed: Sandbox) -> None:
    explanation = explanation_of(refreshed, "High Town", "opportunity")
    first, *_, last = editions(refreshed)
    assert (explanation.edition_from, explanation.edition_to) == (first, last)
    for node in nodes(explanation.root):
        row = refreshed.query(
            "SELECT change, from_data, from_imputation, change_low, change_high, rank_change, rank_change_low, "
            "rank_change_high, movable, verdict FROM change JOIN area USING (area_code) WHERE area_name = 'High Town' "
            "AND profile = 'spi' AND edition_from = ? AND edition_to = ? AND id = ?", first, last, node.id,
        )  # fmt: skip
        assert [tuple((node.change or {}).values())] == row
        scored = refreshed.query(
            "SELECT score, rank FROM score JOIN area USING (area_code) WHERE area_name = 'High Town' AND profile = "
            "'spi' AND edition IN (?, ?) AND id = ? ORDER BY edition", first, last, node.id,
        )  # fmt: skip
        assert list(zip(node.scores, node.ranks, strict=True)) == scored
        measured = refreshed.query(
            "SELECT value, period_start, period_end, status, source_id FROM observation JOIN area USING (area_code) "
            "WHERE area_name = 'High Town' AND edition IN (?, ?) AND indicator_id = ? ORDER BY edition",
            first, last, node.id,
        )  # fmt: skip
        figures = [tuple(one[name] for name in ("value", "period_start", "period_end", "status", "source_id"))
                for one in node.figures]  # fmt: skip
        assert figures == (measured if node.level == "indicator" else [])


def test_omitted_editions_default_to_the_longest_published_pair(refreshed: Sandbox) -> None:
    first, second, *_, last = editions(refreshed)
    for stated, expected in {
        (None, None): (first, last), (first, None): (first, last), (None, last): (first, last),
        (first, second): (first, second), (None, second): (first, second), (second, None): (second, second + 1),
    }.items():  # fmt: skip
        explanation = explanation_of(refreshed, "Farley", "turnout", *stated)
        assert (explanation.edition_from, explanation.edition_to) == expected
    with pytest.raises(
        UnknownNameError, match=f"no change from {second} to {last} is published; published: {first} to"
    ):
        explanation_of(refreshed, "Farley", "turnout", second, last)
    with pytest.raises(UnknownNameError, match="no change to 1999 is published"):
        explanation_of(refreshed, "Farley", "turnout", None, 1999)


def test_an_indicator_outside_the_scores_has_no_change_with_a_reason(refreshed: Sandbox) -> None:
    with pytest.raises(UnknownNameError, match=r"air_pollution enters no score, so none has changed: outdoor_env"):
        explanation_of(refreshed, "Farley", "air_pollution")
    with pytest.raises(UnknownNameError, match="did you mean 'turnout'"):
        explanation_of(refreshed, "Farley", "turnot")


def test_an_element_without_a_score_is_reported_as_such(refreshed: Sandbox, spi: Command) -> None:
    """Under profile ``equal``, Farley has figures for only one of the three indicators, and no score."""
    explanation = explanation_of(refreshed, "Farley", "rights_and_voice", profile="equal").root
    assert (explanation.change, explanation.from_weights, explanation.scores) == (None, None, [None, None])
    assert {child.id: child.change is None for child in explanation.children} == {
        "turnout": True, "electoral_registration": True, "stop_and_search": False,
    }  # fmt: skip
    output = spi(refreshed, "explain", "Farley", "opportunity", "--change", "--profile", "equal").out
    assert "rights_and_voice: no score and no score, so there is no change to report" in output


def test_a_new_child_changes_the_weights_of_the_others() -> None:
    """Worked by hand: without the third child, weights 0.25 and 0.5 count as 1/3 and 2/3; then it gets a score."""
    weights = {"a": 0.25, "b": 0.5, "c": 0.25}
    scores = {"a": (30.0, 60.0), "b": (60.0, 60.0), "c": (None, 90.0)}
    earlier = {name: {"weight": weight, "contribution": scores[name][0]} for name, weight in weights.items()}
    later = {
        name: {"weight": weight, "contribution": weight * (scores[name][1] or 0)} for name, weight in weights.items()
    }
    earlier["a"]["contribution"], earlier["b"]["contribution"] = 30 / 3, 2 * 60 / 3
    own, from_weights = parts(earlier, later)
    # The score of a moves by 30 at a mean weight of (1/3 + 1/4) / 2. Its weight falls from 1/3 to 1/4 at a mean of 45
    # points, and that of b from 2/3 to 1/2 at 60 points.
    assert own == {"a": pytest.approx(30 * (1 / 3 + 1 / 4) / 2), "b": pytest.approx(0)}
    assert from_weights == pytest.approx(45 * (1 / 4 - 1 / 3) + 60 * (1 / 2 - 2 / 3) + 0.25 * 90)
    assert sum(own.values()) + from_weights == pytest.approx((15 + 30 + 22.5) - (10 + 40))


@given(st.lists(st.tuples(st.floats(0.01, 1), *[st.none() | st.floats(0, 100)] * 2), min_size=1, max_size=8))
def test_parts_and_weights_add_up_when_children_come_and_go(
    drawn: list[tuple[float, float | None, float | None]],
) -> None:
    earlier, later = (
        {str(at): {"weight": one[0], "contribution": one[edition]} for at, one in enumerate(drawn)}
        for edition in (1, 2)
    )
    own, from_weights = parts(earlier, later)
    gained = sum(one[2] or 0 for one in drawn) - sum(one[1] or 0 for one in drawn)
    assert sum(own.values()) + from_weights == pytest.approx(gained, abs=1e-9)
    if all((one[1] is None) == (one[2] is None) for one in drawn):
        assert from_weights == 0


def test_a_mean_without_contributions_has_no_parts() -> None:
    rows = {"a": {"weight": 1.0, "contribution": None}}
    assert parts(rows, rows) == ({}, 0.0)


def test_the_terminal_shows_the_change_its_verdict_and_both_figures(refreshed: Sandbox, spi: Command) -> None:
    explanation = explanation_of(refreshed, "Farley", "rights_and_voice").root
    stop = next(child for child in explanation.children if child.id == "stop_and_search")
    assert explanation.change is not None
    assert explanation.change["verdict"] == "cannot_tell"
    output = spi(refreshed, "explain", "Farley", "rights_and_voice", "--change").out
    before, after = explanation.scores
    likely = f"(likely {explanation.change['change_low']:+.2f} to {explanation.change['change_high']:+.2f})"
    assert f"{before:.2f} to {after:.2f}, {explanation.change['change']:+.2f} {likely}" in output
    assert (
        f"cannot tell: {explanation.change['movable']:.0%} of its weight has figures of another period, and below 50%"
        in output
    )
    assert f"; adds {stop.part:+.2f}" in output
    for year, one in zip(editions(refreshed)[:: len(editions(refreshed)) - 1], stop.figures, strict=True):
        assert f"{year}: value {one['value']:.4g} per 1,000 residents ({one['lower']:.4g} to" in output
    assert "no figure of another period: Electors per 100 residents aged 16 and over, Turnout at the local" in output
    assert "data.police.uk (Home Office): Stop and search" in output
    as_json = json.loads(spi(refreshed, "explain", "Farley", "rights_and_voice", "--change", "--json").out)
    assert as_json["root"]["change"]["verdict"] == "cannot_tell"
    assert {child["id"] for child in as_json["root"]["children"]} == {child.id for child in explanation.children}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--from", "2022"], "--from is the earlier edition of a change; give --change too"),
        (["--change", "--interval"], "give --change or --interval, not both"),
    ],
)
def test_incompatible_options_are_bad_usage(
    refreshed: Sandbox, spi: Command, arguments: list[str], sentence: str
) -> None:
    result = spi(refreshed, "explain", "Farley", "safety", *arguments)
    assert (result.code, result.out) == (2, "")
    assert sentence in result.err

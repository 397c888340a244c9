"""Editions are comparable: all of them use one basis, and only new observations change scores."""

from __future__ import annotations

from itertools import pairwise

import pytest

from spi_pipeline_tests.integration.sandboxes import Sandbox


def test_nominal_weights_of_siblings_sum_to_one_in_every_edition(refreshed: Sandbox) -> None:
    sums = refreshed.query("SELECT edition, profile, authority_code, parent_id, sum(weight) FROM weight GROUP BY ALL")
    editions = len(refreshed.query("SELECT DISTINCT edition FROM edition"))
    assert len(sums) == editions * 2 * (12 + 3 + 1)
    assert all(total == pytest.approx(1) for *_, total in sums)
    moved = "SELECT id FROM weight GROUP BY profile, authority_code, id HAVING max(weight) - min(weight) > 1e-12"
    assert refreshed.query(moved) == []


def test_one_indicator_fills_each_slot_of_the_basis_in_every_edition(refreshed: Sandbox) -> None:
    scored = "SELECT edition, list_sort(list(DISTINCT id)) FROM score WHERE level = 'indicator' GROUP BY ALL"
    basis = [name for (name,) in refreshed.query("SELECT indicator_id FROM indicator WHERE in_basis ORDER BY 1")]
    assert {edition: names == basis for edition, names in refreshed.query(scored)} == {
        edition: True for (edition,) in refreshed.query("SELECT DISTINCT edition FROM edition")
    }
    assert refreshed.query("SELECT slot_id FROM indicator WHERE in_basis GROUP BY slot_id HAVING count(*) > 1") == []
    assert refreshed.query("SELECT DISTINCT slots FROM edition") == [(len(basis),)]
    assert len(refreshed.query("SELECT DISTINCT basis_id FROM edition")) == 1


def test_the_weights_of_an_edition_add_up_to_one_except_for_estimates(refreshed: Sandbox) -> None:
    shares = refreshed.query("SELECT edition, profile, measured_weight, carried_weight, held_weight FROM edition")
    filled = dict(
        refreshed.query(
            "SELECT (edition, profile), min(slots_filled / slots) FROM score "
            "WHERE level = 'index' AND area_code LIKE 'E05%' GROUP BY ALL",
        )
    )
    for edition, profile, *parts in shares:
        assert 0 < sum(parts) <= 1 + 1e-9
        assert (sum(parts) == pytest.approx(1, abs=1e-9)) == (filled[edition, profile] == 1)
    newest = max(edition for edition, *_ in shares)
    assert {held <= 0.5 for edition, _, _, _, held in shares if edition != newest} == {True}


def test_a_change_is_the_difference_between_the_scores_of_both_editions(refreshed: Sandbox) -> None:
    query = """
        SELECT c.change, c.from_data + c.from_imputation, b.score - a.score, c.rank_change, a.rank - b.rank
        FROM change c
        JOIN score a ON (a.edition, a.profile, a.id, a.area_code) = (edition_from, c.profile, c.id, c.area_code)
        JOIN score b ON (b.edition, b.profile, b.id, b.area_code) = (edition_to, c.profile, c.id, c.area_code)
    """
    rows = refreshed.query(query)
    assert rows
    assert all(change == pytest.approx(parts) == pytest.approx(scores, abs=1e-6) for change, parts, scores, *_ in rows)
    assert all(gained == places for *_, gained, places in rows)
    editions = [year for (year,) in refreshed.query("SELECT DISTINCT edition FROM edition ORDER BY 1")]
    pairs = refreshed.query("SELECT DISTINCT edition_from, edition_to FROM change")
    assert sorted(pairs) == sorted([*pairwise(editions), (editions[0], editions[-1])])


def test_an_indicator_measured_once_moves_no_score(refreshed: Sandbox) -> None:
    """Only an observation of another period moves a score, or an estimate derived from one."""
    still = "SELECT DISTINCT c.id FROM change c JOIN indicator ON indicator_id = c.id WHERE movable = 0 AND change <> 0"
    estimated = {name for (name,) in refreshed.query("SELECT DISTINCT indicator_id FROM imputation")}
    assert {name for (name,) in refreshed.query(still)} <= estimated
    moving = "SELECT count(*) FROM change JOIN indicator ON indicator_id = id WHERE relative AND movable > 0"
    assert refreshed.query(moving) == [(0,)]
    assert refreshed.query("SELECT count(*) FROM change WHERE movable < 0.5 AND verdict <> 'cannot_tell'") == [(0,)]


def test_a_component_moves_with_its_indicators(refreshed: Sandbox) -> None:
    """Under equal weights, the component's change is the mean of its indicators' changes, if a ward has all of them."""
    rows = refreshed.query(
        """
        SELECT c.change, sum(i.change) / any_value(s.slots)
        FROM change c
        JOIN indicator ON component_id = c.id AND in_basis
        JOIN change i ON (i.edition_from, i.edition_to, i.profile, i.area_code, i.id)
            = (c.edition_from, c.edition_to, c.profile, c.area_code, indicator_id)
        JOIN score s ON (s.edition, s.profile, s.area_code, s.id) = (c.edition_to, c.profile, c.area_code, c.id)
        WHERE c.profile = 'equal' AND c.level = 'component' AND s.slots_filled = s.slots
        GROUP BY c.edition_from, c.edition_to, c.area_code, c.id, c.change
        """,
    )
    assert any(change for change, _ in rows)
    assert all(change == pytest.approx(mean, abs=1e-6) for change, mean in rows)

"""Shows an explanation on a terminal as a tree; each branch is a sentence or a named figure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.text import Text
from rich.tree import Tree

from spi_pipeline.cli.terminal import likely
from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.contracts.models.indicators import Indicator
from spi_pipeline.outputs.explain.change import ChangeExplanation, ElementChange
from spi_pipeline.outputs.explain.gap import Ancestor
from spi_pipeline.outputs.explain.interval import ElementInterval, IntervalExplanation
from spi_pipeline.outputs.explain.score import Explanation, Node
from spi_pipeline.run.logs import printable


def show_score(explanation: Explanation, contracts: Contracts) -> Tree:
    """The tree of a score and the data it rests on."""
    area = f"{explanation.area_name} ({explanation.area_code})"
    tree = Tree(f"{area}, edition {explanation.edition}, profile {explanation.profile}")
    branch = _of_score(tree, explanation.root, contracts)
    if explanation.ancestors:
        ancestors = branch.add("Above it:")
        for one in explanation.ancestors:
            filled = f"{one.slots_filled} of {one.slots} slots below hold a figure"
            contribution = "nothing" if one.contribution is None else f"{one.contribution:.2f} points"
            child = contracts.titles[one.child]
            ancestors.add(
                _named(one, f"{_score(one.score)}, {filled}; {child} adds {contribution}, of weight {one.weight:.2f}")
            )
    return tree


def _of_score(tree: Tree, node: Node, contracts: Contracts) -> Tree:
    facts = node.facts
    points = f", adds {facts['contribution']:.2f} points" if facts.get("contribution") is not None else ""
    interval = f" (likely {likely(facts)})" if likely(facts) else ""
    rank = f", rank {facts['rank']}{interval}" if facts.get("rank") else ""
    single = ", rests on one indicator" if node.level != "indicator" and facts["slots"] == 1 else ""
    branch = tree.add(_named(node, f"{_score(facts['score'])}{rank}{points}{single}"))
    if node.level == "indicator":
        _figure(branch, node, contracts)
    elif facts["england_percentile"] is not None:
        branch.add(
            f"{facts['england_percentile']:.0f} % of the other wards of England score lower, on the slots that have "
            "figures for all of them"
        )
    if node.left_out:
        branch.add("None of its indicators is in the basis, so its dimension is formed from the other components")
    for indicator, reason in node.left_out.items():
        branch.add(f"{contracts.titles[indicator]} {indicator}: {reason}")
    for child in node.children:
        _of_score(branch, child, contracts)
    return branch


def _figure(branch: Tree, node: Node, contracts: Contracts) -> None:
    """Add the branches that explain an indicator's score."""
    facts = node.facts
    branch.add(_value(facts, contracts.indicators[node.id]))
    if contracts.indicators[node.id].measure.months:
        branch.add(facts["limits"])
    for sentence in [*node.gap.because, *node.gap.filled] if node.gap else []:
        branch.add(sentence)
    if facts["not_in_basis_because"] and node.gap is None:
        branch.add(f"No score rests on it: {facts['not_in_basis_because']}")
    branch.add(f"{facts['worst']:g} scores 0, {facts['best']:g} scores 100 ({facts['goalpost_source']})")
    if facts["england_percentile"] is not None:
        first, last = facts["england_period"].split("/")
        branch.add(
            f"{facts['england_percentile']:.0f} % of the wards of England do worse, by figures of {first} to {last}"
        )
    source = contracts.sources[facts["source_id"]]
    branch.add(f"{_origin(facts, contracts)}, {facts['licence']}, from {facts['allocation']}")
    for item in node.files:
        branch.add(f"{item['file']} ({item['period']}, {item['bytes']:,} bytes) sha256 {item['sha256']}")
    branch.add(source.properties.url)


def show_change(explanation: ChangeExplanation, contracts: Contracts) -> Tree:
    """The tree of a change and the data it rests on."""
    editions = f"from edition {explanation.edition_from} to edition {explanation.edition_to}"
    tree = Tree(f"{explanation.area_name} ({explanation.area_code}), {editions}, profile {explanation.profile}")
    _of_change(tree, explanation.root, explanation, contracts)
    return tree


def _of_change(tree: Tree, node: ElementChange, explanation: ChangeExplanation, contracts: Contracts) -> None:
    change, (before, after) = node.change, node.scores
    contribution = "" if node.part is None else f"; adds {node.part:+.2f}"
    if change is None:
        text = f"{_score(before)} and {_score(after)}, so there is no change to report{contribution}"
    else:
        interval = f"(likely {change['change_low']:+.2f} to {change['change_high']:+.2f})"
        text = f"{before:.2f} to {after:.2f}, {change['change']:+.2f} {interval}{contribution}"
    branch = tree.add(_named(node, text))
    if change is not None:
        branch.add(_verdict(node.level, change, explanation.least_movable))
        branch.add(
            f"{change['from_data']:+.2f} from figures of another period, {change['from_imputation']:+.2f} from cells "
            "that are estimated again"
        )
        if change["rank_change"] is not None:
            places = f"places gained {change['rank_change']:+d}"
            ends = f"(likely {change['rank_change_low']:+d} to {change['rank_change_high']:+d})"
            branch.add(f"rank {node.ranks[0]} to {node.ranks[1]}, {places} {ends}")
    for year, facts in zip((explanation.edition_from, explanation.edition_to), node.figures, strict=False):
        branch.add(f"{year}: {_value(facts, contracts.indicators[node.id])}")
    if node.figures:
        branch.add(_origin(node.figures[-1], contracts))
    unmoved = [child for child in node.children if _is_unmoved(child)]
    for child in node.children:
        if child not in unmoved:
            _of_change(branch, child, explanation, contracts)
    if node.from_weights is not None and abs(node.from_weights) > 1e-9:
        branch.add(
            f"parts that were added or dropped, so the others count for more or less: adds {node.from_weights:+.2f}"
        )
    if unmoved:
        branch.add(f"no figure of another period: {', '.join(child.title for child in unmoved)}")


def _is_unmoved(node: ElementChange) -> bool:
    """Whether an element rests on the same figures in both editions."""
    return node.change is not None and not node.change["movable"] and not node.change["change"]


def _verdict(level: str, change: Mapping[str, Any], least: float) -> str:
    """The verdict on a change, with its reason."""
    of_weight = f"{change['movable']:.0%} of its weight has figures of another period"
    if level == "indicator":
        of_weight = f"its figure is {'' if change['movable'] else 'not '}of another period"
    return {
        "cannot_tell": f"cannot tell: {of_weight}, and below {least:.0%} the change is that of a part",
        "rose": f"rose: {of_weight}, and the interval lies above 0",
        "fell": f"fell: {of_weight}, and the interval lies below 0",
        "not_distinguishable": f"not distinguishable from no change: {of_weight}, and the interval holds 0",
    }[change["verdict"]]


def show_interval(explanation: IntervalExplanation) -> Tree:
    """The tree of the intervals of a score and a rank, with their sources of uncertainty."""
    area = f"{explanation.area_name} ({explanation.area_code})"
    tree = Tree(f"{area}, edition {explanation.edition}, profile {explanation.profile}: how certain it is")
    branch = _element_interval(tree, explanation.root, explanation.lowest)
    if explanation.root.facts.get("score_low") is not None:
        _add_uncertainty(branch, explanation)
    _add_children(branch, explanation.root, explanation.lowest)
    return tree


def _add_uncertainty(branch: Tree, explanation: IntervalExplanation) -> None:
    """Add every source of uncertainty, with its share if known."""
    head = f"{explanation.doubt[0]['draws']} recalculations, each drawing all of these again"
    if explanation.shares_of is not None:
        head += f", with the share of each in how far the ranks of the index move in edition {explanation.shares_of}"
    sources = branch.add(f"{head}:")
    for row in explanation.doubt:
        shares = [
            f"{row[order]:.2f} ({row[f'{order}_low']:.2f} to {row[f'{order}_high']:.2f}) {words}"
            for order, words in (("first", "by itself"), ("total", "together with others"))
            if row[order] is not None
        ]
        sources.add("; ".join([f"{row['source']}{'' if row['varied'] else ', not varied'}: {row['how']}", *shares]))
    if explanation.root.level == "indicator":
        sources.add("Only measurement, allocation and imputation move an indicator's own rank.")


def _add_children(branch: Tree, node: ElementInterval, lowest: int) -> None:
    for child in node.children:
        _add_children(_element_interval(branch, child, lowest), child, lowest)


def _element_interval(tree: Tree, node: ElementInterval, lowest: int) -> Tree:
    facts = node.facts
    text = _score(facts["score"])
    if facts.get("score_low") is not None:
        text += f" (likely {facts['score_low']:.2f} to {facts['score_high']:.2f})"
    if facts.get("rank") is not None:
        text += f", rank {facts['rank']}" + (f" (likely {likely(facts)})" if likely(facts) else "")
    branch = tree.add(_named(node, text))
    if facts.get("measured_low") is not None:
        branch.add(
            f"{facts['measured_low']:.2f} to {facts['measured_high']:.2f} by errors of the figures alone: measurement, "
            "allocation, imputation"
        )
    if facts.get("among_lowest") is not None:
        branch.add(f"among the lowest {lowest} in {facts['among_lowest']:.0%} of the recalculations")
    if node.level == "indicator" and facts["value"] is not None:
        ends = "" if facts["lower"] is None else f", 95 % interval {facts['lower']:.4g} to {facts['upper']:.4g}"
        branch.add(f"value {facts['value']:.4g} {facts['unit']}{ends}")
    for sentence in node.interval_origin:
        branch.add(sentence)
    return branch


def _named(one: Node | Ancestor | ElementChange | ElementInterval, text: str) -> Text:
    """An element's title and id with a text; control characters are escaped, since titles come from contracts."""
    return Text.assemble(printable(one.title), " ", (printable(one.id), "dim"), f": {printable(text)}")


def _score(score: float | None) -> str:
    return "no score" if score is None else f"{score:.2f}"


def _origin(facts: Mapping[str, Any], contracts: Contracts) -> str:
    properties = contracts.sources[facts["source_id"]].properties
    return f"{properties.publisher}: {properties.dataset}"


def _value(facts: Mapping[str, Any], indicator: Indicator) -> str:
    """The value of an indicator and how it was computed, in one line; a window is given by its first and last month."""
    measure = indicator.measure
    if facts["value"] is None:
        return f"no value: {facts['status']}"
    value = f"value {facts['value']:.4g} {facts['unit']}"
    if facts["status"] == "imputed":
        return f"{value}, imputed by {facts['imputed_by']} from {facts['imputed_from']}"
    interval = f" ({facts['lower']:.4g} to {facts['upper']:.4g})"
    formula = f" = {facts['numerator']:,.1f} of {facts['denominator']:,.1f}" if facts["numerator"] is not None else ""
    if measure.level:
        level = measure.level
        formula = f" = {level.source} of {level.start} to {level.end}, moved by {facts['numerator']:,.0f} counted"
    coverage = f", {facts['covered']:.1%} of it known" if facts["covered"] < 1 else ""
    monthly = measure.window is not None
    first, last = (f"{facts[end]:%Y-%m}" if monthly else facts[end] for end in ("period_start", "period_end"))
    return f"{value}{interval}{formula}, {facts['status']}, {'months ' if monthly else ''}{first} to {last}{coverage}"

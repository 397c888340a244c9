"""How an explanation looks on a terminal: as a tree, each branch a sentence or a figure with its name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.text import Text
from rich.tree import Tree

from spi_pipeline.cli.terminal import likely
from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.contracts.models.indicators import Indicator
from spi_pipeline.outputs.explain.change import ChangeExplanation, Moved
from spi_pipeline.outputs.explain.gap import Above
from spi_pipeline.outputs.explain.interval import IntervalExplanation, Sure
from spi_pipeline.outputs.explain.score import Explanation, Node
from spi_pipeline.run.logs import printable


def show_score(found: Explanation, contracts: Contracts) -> Tree:
    """What a score rests on."""
    tree = Tree(f"{found.area_name} ({found.area_code}), edition {found.edition}, profile {found.profile}")
    branch = _of_score(tree, found.root, contracts)
    if found.above:
        higher = branch.add("Above it:")
        for one in found.above:
            rests = f"{one.slots_filled} of {one.slots} slots below hold a figure"
            adds = "nothing" if one.contribution is None else f"{one.contribution:.2f} points"
            child = contracts.titles[one.child]
            higher.add(_named(one, f"{_score(one.score)}, {rests}; {child} adds {adds}, of weight {one.weight:.2f}"))
    return tree


def _of_score(tree: Tree, node: Node, contracts: Contracts) -> Tree:
    facts = node.facts
    points = f", adds {facts['contribution']:.2f} points" if facts.get("contribution") is not None else ""
    between = f" (likely {likely(facts)})" if likely(facts) else ""
    rank = f", rank {facts['rank']}{between}" if facts.get("rank") else ""
    alone = ", rests on one indicator" if node.level != "indicator" and facts["slots"] == 1 else ""
    branch = tree.add(_named(node, f"{_score(facts['score'])}{rank}{points}{alone}"))
    if node.level == "indicator":
        _figure(branch, node, contracts)
    elif facts["england_percentile"] is not None:
        branch.add(
            f"{facts['england_percentile']:.0f} % of the other wards of England score lower, on the slots that have "
            "figures for all of them"
        )
    if node.left_out:
        branch.add("None of its indicators is in the basis, so that its dimension is formed of the others")
    for indicator, why in node.left_out.items():
        branch.add(f"{contracts.titles[indicator]} {indicator}: {why}")
    for child in node.children:
        _of_score(branch, child, contracts)
    return branch


def _figure(branch: Tree, node: Node, contracts: Contracts) -> None:
    """What an indicator's score rests on."""
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


def show_change(found: ChangeExplanation, contracts: Contracts) -> Tree:
    """What a change rests on."""
    editions = f"from edition {found.edition_from} to edition {found.edition_to}"
    tree = Tree(f"{found.area_name} ({found.area_code}), {editions}, profile {found.profile}")
    _of_change(tree, found.root, found, contracts)
    return tree


def _of_change(tree: Tree, node: Moved, found: ChangeExplanation, contracts: Contracts) -> None:
    change, (before, after) = node.change, node.scores
    adds = "" if node.part is None else f"; adds {node.part:+.2f}"
    if change is None:
        told = f"{_score(before)} and {_score(after)}, so that there is no change to tell{adds}"
    else:
        between = f"(likely {change['change_low']:+.2f} to {change['change_high']:+.2f})"
        told = f"{before:.2f} to {after:.2f}, {change['change']:+.2f} {between}{adds}"
    branch = tree.add(_named(node, told))
    if change is not None:
        branch.add(_verdict(node.level, change, found.least_movable))
        branch.add(
            f"{change['from_data']:+.2f} from figures of another period, {change['from_imputation']:+.2f} from cells "
            "that are estimated anew"
        )
        if change["rank_change"] is not None:
            gained = f"places gained {change['rank_change']:+d}"
            ends = f"(likely {change['rank_change_low']:+d} to {change['rank_change_high']:+d})"
            branch.add(f"rank {node.ranks[0]} to {node.ranks[1]}, {gained} {ends}")
    for year, facts in zip((found.edition_from, found.edition_to), node.figures, strict=False):
        branch.add(f"{year}: {_value(facts, contracts.indicators[node.id])}")
    if node.figures:
        branch.add(_origin(node.figures[-1], contracts))
    still = [child for child in node.children if _still(child)]
    for child in node.children:
        if child not in still:
            _of_change(branch, child, found, contracts)
    if node.from_weights is not None and abs(node.from_weights) > 1e-9:
        branch.add(f"parts that came or went, so that the others count for more or less: adds {node.from_weights:+.2f}")
    if still:
        branch.add(f"no figure of another period: {', '.join(child.title for child in still)}")


def _still(node: Moved) -> bool:
    """Whether an element rests on the same figures in both editions."""
    return node.change is not None and not node.change["movable"] and not node.change["change"]


def _verdict(level: str, change: Mapping[str, Any], least: float) -> str:
    """What may be said of the change, and what that rests on."""
    of_weight = f"{change['movable']:.0%} of its weight has figures of another period"
    if level == "indicator":
        of_weight = f"its figure is {'' if change['movable'] else 'not '}of another period"
    return {
        "cannot_tell": f"cannot tell: {of_weight}, and below {least:.0%} the change is that of a part",
        "rose": f"rose: {of_weight}, and the interval lies above 0",
        "fell": f"fell: {of_weight}, and the interval lies below 0",
        "not_distinguishable": f"not distinguishable from no change: {of_weight}, and the interval holds 0",
    }[change["verdict"]]


def show_interval(found: IntervalExplanation) -> Tree:
    """What the intervals of a score and a rank rest on."""
    head = f"{found.area_name} ({found.area_code}), edition {found.edition}, profile {found.profile}"
    tree = Tree(f"{head}: how sure it is")
    branch = _sure(tree, found.root, found.lowest)
    if found.root.facts.get("score_low") is not None:
        _doubt(branch, found)
    _below(branch, found.root, found.lowest)
    return tree


def _doubt(branch: Tree, found: IntervalExplanation) -> None:
    """Every source of doubt, and its share where it is known."""
    head = f"{found.doubt[0]['draws']} recalculations, each with all of this drawn anew"
    if found.shares_of is not None:
        head += f", and its share in how far the ranks of the index move in edition {found.shares_of}"
    doubted = branch.add(f"{head}:")
    for row in found.doubt:
        shares = [
            f"{row[order]:.2f} ({row[f'{order}_low']:.2f} to {row[f'{order}_high']:.2f}) {words}"
            for order, words in (("first", "by itself"), ("total", "together with others"))
            if row[order] is not None
        ]
        doubted.add("; ".join([f"{row['source']}{'' if row['varied'] else ', not varied'}: {row['how']}", *shares]))
    if found.root.level == "indicator":
        doubted.add("An indicator's own rank is moved by measurement, allocation and imputation alone.")


def _below(branch: Tree, node: Sure, lowest: int) -> None:
    for child in node.children:
        _below(_sure(branch, child, lowest), child, lowest)


def _sure(tree: Tree, node: Sure, lowest: int) -> Tree:
    facts = node.facts
    told = _score(facts["score"])
    if facts.get("score_low") is not None:
        told += f" (likely {facts['score_low']:.2f} to {facts['score_high']:.2f})"
    if facts.get("rank") is not None:
        told += f", rank {facts['rank']}" + (f" (likely {likely(facts)})" if likely(facts) else "")
    branch = tree.add(_named(node, told))
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
    for sentence in node.rests_on:
        branch.add(sentence)
    return branch


def _named(one: Node | Above | Moved | Sure, told: str) -> Text:
    """An element with its id, and what is told of it: titles come from contracts, and a terminal obeys none."""
    return Text.assemble(printable(one.title), " ", (printable(one.id), "dim"), f": {printable(told)}")


def _score(score: float | None) -> str:
    return "no score" if score is None else f"{score:.2f}"


def _origin(facts: Mapping[str, Any], contracts: Contracts) -> str:
    said = contracts.sources[facts["source_id"]].properties
    return f"{said.publisher}: {said.dataset}"


def _value(facts: Mapping[str, Any], indicator: Indicator) -> str:
    """The value of an indicator and how it came to be, in a line; a window is told by its first and last month."""
    measure = indicator.measure
    if facts["value"] is None:
        return f"no value: {facts['status']}"
    value = f"value {facts['value']:.4g} {facts['unit']}"
    if facts["status"] == "imputed":
        return f"{value}, imputed by {facts['imputed_by']} from {facts['imputed_from']}"
    ends = f" ({facts['lower']:.4g} to {facts['upper']:.4g})"
    made_of = f" = {facts['numerator']:,.1f} of {facts['denominator']:,.1f}" if facts["numerator"] is not None else ""
    if measure.level:
        level = measure.level
        made_of = f" = {level.source} of {level.start} to {level.end}, moved by {facts['numerator']:,.0f} counted"
    known = f", {facts['covered']:.1%} of it known" if facts["covered"] < 1 else ""
    monthly = measure.window is not None
    first, last = (f"{facts[end]:%Y-%m}" if monthly else facts[end] for end in ("period_start", "period_end"))
    return f"{value}{ends}{made_of}, {facts['status']}, {'months ' if monthly else ''}{first} to {last}{known}"

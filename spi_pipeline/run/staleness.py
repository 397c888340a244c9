"""How a step becomes stale: a digest of everything that its outputs follow from, and one of how its tables are judged.

The first digest covers the versions of the step's inputs, the contents of its contract files, the code reached by its
function, and the major.minor versions of libraries. A step whose digest differs from the one stored with its outputs is
computed again. The second digest covers the rules of its tables. If only that differs, the current tables are judged
again.
"""

import hashlib
import json
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version

from spi_pipeline.contracts.models.contracts import Contracts, contract_of
from spi_pipeline.contracts.models.geography import SMALL_AREAS
from spi_pipeline.contracts.reading.folder import assembled, read_folder
from spi_pipeline.rules.evaluation import evaluate_parts
from spi_pipeline.run.code import Code
from spi_pipeline.steps.step import Step, compute

# Libraries whose behaviour can affect a figure, and (RULE_LIBRARIES) those that can affect the result of a rule.
LIBRARIES = ("duckdb", "numpy", "pandas", "pyarrow", "pyproj", "scipy", "shapely")
# Reading a contract reaches the kinds of its rules, which say what the contract may declare; no figure depends on that.
_RULES = "spi_pipeline.rules"
RULE_LIBRARIES = ("duckdb", "great-expectations", "pandas", "pyarrow")


def fingerprint(step: Step, contracts: Contracts, inputs: Mapping[str, str], code: Code) -> str:
    """The digest of everything that the outputs of a step follow from.

    Args:
        step: the step.
        contracts: the contracts as read.
        inputs: digest of each of its inputs; ``missing`` if there is none.
        code: digests of code.
    """
    parts = {
        "step": [step.kind, step.name, *step.outputs],
        "inputs": {name: inputs[name] for name in step.inputs},
        "files": {name: contracts.digests.get(name, "missing") for name in step.files},
        "code": code.digest((read_folder, assembled, compute, step.does, *step.uses), without=_RULES),
        "libraries": _versions(LIBRARIES),
        "bounds": [_rules(name.split("/")[-1].removesuffix(".yaml"), contracts) for name in step.files]
        if step.bounds
        else [],
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def judgement(name: str, contracts: Contracts, lookups: Mapping[str, str], code: Code) -> str:
    """The digest of how a table is judged: the rules of its contract and the code that evaluates them.

    Args:
        name: the table.
        contracts: all contracts.
        lookups: digest of each table that lists small areas.
        code: digests of code.
    """
    contract = contract_of(name, contracts)
    used = {SMALL_AREAS[each][0] for rule in contract.rules for each in rule.params.get("geographies", ())}
    parts = [_rules(contract.id, contracts), {each: lookups[each] for each in sorted(used)},
             code.digest((evaluate_parts,)), _versions(RULE_LIBRARIES)]  # fmt: skip
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _rules(name: str, contracts: Contracts) -> str:
    table = contracts.sources.get(name) or contracts.products.get(name)
    if table is None:
        return ""
    bounds = [(column.name, column.minimum, column.maximum, column.values) for column in table.columns]
    return hashlib.sha256(repr((table.rules, bounds, table.version)).encode()).hexdigest()


@cache
def _versions(names: tuple[str, ...]) -> dict[str, str]:
    """Major.minor of each library."""
    return {name: ".".join(version(name).split(".")[:2]) for name in names}

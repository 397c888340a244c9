"""Whether this machine and the publishers are as the pipeline needs them: ``spi doctor``."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

from spi_pipeline.cli.console import FAILED, Json, err, out
from spi_pipeline.contracts.errors import SpiError, UnknownNameError
from spi_pipeline.settings import Settings

if TYPE_CHECKING:
    from spi_pipeline.contracts.models.contracts import Contracts
    from spi_pipeline.publishers.probing.judging import Fault, Known
    from spi_pipeline.publishers.probing.report import Observation, Report

# A first live refresh keeps some 300 MB, a store with its history a few GB.
LEAST_FREE = 2_000_000_000
UNASKED = {"not asked", "left out"}


def doctor(
    live: Annotated[
        bool, typer.Option("--live", help="Ask each endpoint of the publishers once, with little; under two minutes.")
    ] = False,
    report: Annotated[
        Path | None, typer.Option(help="Write there what was seen, without anything personal, to be sent to others.")
    ] = None,
    compare: Annotated[
        Path | None, typer.Option(help="Judge such a file by what this version expects; nobody is asked.")
    ] = None,
    select: Annotated[list[str] | None, typer.Option(help="Only what this source stands on; repeatable.")] = None,
    hosts: Annotated[bool, typer.Option("--hosts", help="List the hosts that must be let through, and stop.")] = False,
    as_json: Json = False,
) -> None:
    """Say whether this machine and, asked with --live, the publishers are as they are needed; writes to no store."""
    if report and not live:
        raise typer.BadParameter("--report belongs with --live: it holds what publishers answered")
    if report and not report.absolute().parent.is_dir():
        raise typer.BadParameter(f"--report {report}: there is no folder {report.parent}")
    if report and report.is_dir():
        raise typer.BadParameter(f"--report {report} is a folder; name a file in it")
    if select and not live and not compare:
        raise typer.BadParameter("--select belongs with --live or --compare: it narrows what is asked or judged")
    if live + hosts + (compare is not None) > 1:
        raise typer.BadParameter("give one of --live, --compare and --hosts")
    if hosts:
        _show(_hosts(), as_json)
        return
    settings = Settings(mode="live") if live else Settings()
    if compare:
        from spi_pipeline.publishers.probing.report import read_report

        wrong = _judged(read_report(compare), _known(select), as_json)
    elif live:
        wrong = _visited(settings, select, report, as_json)
    else:
        found = _machine(settings)
        _show(found, as_json)
        wrong = any(row["trouble"] for row in found)
    if wrong:
        raise typer.Exit(FAILED)


def _show(rows: Sequence[dict[str, str]], as_json: bool) -> None:
    from spi_pipeline.cli.terminal import show_table

    if as_json:
        out.print_json(json.dumps(rows))
    else:
        show_table(rows, out)


def _hosts() -> list[dict[str, str]]:
    """Every host a live refresh may lead to, as it is set now."""
    from spi_pipeline.publishers.http.addresses import Addresses
    from spi_pipeline.publishers.offers import HOSTS

    addresses = Addresses(Settings().endpoints, HOSTS)
    rows = []
    for name, host in HOSTS.items():
        names = [urlsplit(addresses.base(host)), *(urlsplit(f"https://{one}") for one in host.redirects)]
        for at in names[:1] if addresses.overridden(host) else names:
            port = at.port or (443 if at.scheme == "https" else 80)
            rows.append({"host": at.hostname or "", "port": str(port), "endpoint": name})
    return rows


def _machine(settings: Settings) -> list[dict[str, str]]:
    """What a refresh needs of this machine, and what is wrong with it."""
    from spi_pipeline.cli.contracts import complete_contracts
    from spi_pipeline.publishers.http.authorities import own_authorities
    from spi_pipeline.publishers.probing.report import surroundings, versions
    from spi_pipeline.storage.lock import is_held
    from spi_pipeline.storage.store import Store

    contracts, root = complete_contracts(settings), Store(settings.store).root
    there = next(folder for folder in (root, *root.parents) if folder.is_dir())
    proxied, own = surroundings()
    free = shutil.disk_usage(there).free
    setting, bundle = own_authorities()
    set_here = sorted(name for name in os.environ if name.startswith("SPI_") and os.environ[name])
    rows = [
        ("versions", ", ".join(f"{name} {number}" for name, number in versions().items()), ""),
        ("store", str(root), "" if os.access(there, os.W_OK) else f"{there} cannot be written to"),
        ("free disk", f"{free / 1e9:,.1f} GB", "" if free > LEAST_FREE else "a refresh may fill the disk; free some"),
        ("lock", "held by a refresh" if is_held(root) else "free", ""),
        ("contracts", f"{len(contracts.sources)} sources, no fault", ""),
        ("settings", ", ".join(set_here) or "none", ""),
        ("proxy", "set" if proxied else "none", ""),
        ("certificates", "your own bundle" if own else "those of certifi",
         "" if not bundle or Path(bundle).exists() else f"{setting} names no file; correct it"),
        ("hosts", f"{len(_hosts())} must be let through; spi doctor --hosts lists them", ""),
    ]  # fmt: skip
    return [{"what": what, "found": found, "trouble": trouble} for what, found, trouble in rows]


def _known(select: Sequence[str] | None) -> Mapping[str, Known]:
    """The probes, or those that some sources stand on."""
    from spi_pipeline.publishers.offers import OFFERS, PROBES

    wanted = set(select or ())
    if unknown := sorted(name for name in wanted if name not in OFFERS or not OFFERS[name].probes):
        there = ", ".join(name for name, offer in OFFERS.items() if offer.probes)
        raise UnknownNameError(f"no endpoint is asked for {', '.join(unknown)}; there are {there}")
    found = {name: one for name, one in PROBES.items() if not wanted or wanted.intersection(one.sources)}
    for one in [*found.values()]:
        # One that follows another needs its answer.
        before = one.probe.follows
        while before:
            found = {before.name: PROBES[before.name], **found}
            before = before.follows
    return {name: one for name, one in PROBES.items() if name in found}


def _visited(settings: Settings, select: Sequence[str] | None, file: Path | None, as_json: bool) -> bool:
    """Ask, show, and write what is to be sent."""
    from spi_pipeline.publishers.probing.report import write_report
    from spi_pipeline.run.activity import contracts_in_force

    contracts = contracts_in_force(settings)
    known = {name: one for name, one in _known(select).items() if contracts.fetched.intersection(one.sources)}
    found = _visit(settings, contracts, known)
    if file:
        write_report(found, file)
        told = f"What was seen is in {file}: names, counts and headers, nothing personal. Send it."
        err.print(told, soft_wrap=True)
    return _judged(found, known, as_json)


def _visit(settings: Settings, contracts: Contracts, known: Mapping[str, Known]) -> Report:
    from spi_pipeline.run.runner import Runner

    publishers = Runner(settings, contracts).publishers
    if publishers is None:
        raise SpiError("publishers are asked in live mode alone")
    with err.status("asking …") as waiting:
        return publishers.visit(
            [one.probe for one in known.values()],
            lambda one: waiting.update(f"asking … {one.probe}: {_answer(one)}"),
        )


def _judged(found: Report, known: Mapping[str, Known], as_json: bool) -> bool:
    """Show a report and every fault in it; whether there is one."""
    from spi_pipeline.publishers.offers import HOSTS
    from spi_pipeline.publishers.probing.judging import judge
    from spi_pipeline.publishers.probing.report import as_data
    from spi_pipeline.publishers.probing.visit import MOST_REQUESTS

    hosts = {name: urlsplit(host.base).hostname or name for name, host in HOSTS.items()}
    faults = judge(found.observations, known, hosts)
    seen = {one.probe for one in found.observations}
    unseen = sorted(name for name, one in known.items() if name not in seen)
    if as_json:
        told = [vars(fault) for fault in faults]
        out.print_json(json.dumps({"faults": told, "not_in_report": unseen, "report": as_data(found)}))
        return bool(faults)
    _show_seen(found.observations, faults, known)
    for fault in faults:
        err.print(str(fault), style="red", soft_wrap=True)
    for one in found.observations:
        if one.said and one.outcome not in UNASKED | {"answered"}:
            err.print(f"{one.probe} on this machine: {one.said}", soft_wrap=True)
    left = sorted({name for one in found.observations if one.outcome == "left out" for name in _sources(one, known)})
    if left:
        said = " ".join(f"--select {name}" for name in left)
        most = f"{MOST_REQUESTS} requests are the most of one visit"
        err.print(f"Left out, since {most}: spi doctor --live {said}", soft_wrap=True)
    if unseen:
        err.print(f"Not in this report: {', '.join(unseen)}.", soft_wrap=True)
    out.print(
        f"{len(seen)} endpoints in {found.seconds:.0f} s and {found.requests} requests, asked {found.asked_at}: "
        f"{len(faults) or 'no'} fault{'s' * (len(faults) != 1)}.",
        soft_wrap=True,
    )
    return bool(faults)


def _sources(one: Observation, known: Mapping[str, Known]) -> tuple[str, ...]:
    return known[one.probe].sources if one.probe in known else ()


def _show_seen(observations: Sequence[Observation], faults: Sequence[Fault], known: Mapping[str, Known]) -> None:
    wrong = {fault.probe for fault in faults}
    rows = [
        {
            "asked": one.probe,
            "answer": _answer(one),
            "seen": _seen(one),
            "result": _result(one, known, wrong),
        }
        for one in observations
    ]
    _show(rows, as_json=False)


def _result(one: Observation, known: Mapping[str, Known], wrong: set[str]) -> str:
    if one.probe not in known:
        return "unknown to this version"
    if one.outcome in UNASKED:
        return ""
    if one.probe in wrong:
        return "FAULT"
    return "as expected" if one.shape else "no ranges: not looked into"


def _answer(one: Observation) -> str:
    told = f"{one.status}" if one.outcome in ("answered", "refused") else one.outcome
    return f"{told}, {one.seconds:.1f} s" if one.seconds else told


def _seen(one: Observation) -> str:
    """The shape in a few words."""
    shape = one.shape
    if shape is None:
        return ""
    counted = {"column": len(shape.columns), "row": shape.rows, "label": len(shape.labels), "name": len(shape.links)}
    words = [f"{count:,} {what}{'s' * (count != 1)}" for what, count in counted.items() if count]
    words += [f"newest {shape.periods[0]}"] if shape.periods else []
    words += [f"{one.size / 1e6:,.1f} MB"] if one.size and one.size > 1e5 else []
    return ", ".join(words)

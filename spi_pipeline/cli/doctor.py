"""``spi doctor``: checks whether this machine and the publishers are as the pipeline needs them."""

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

# Bytes. A first live refresh stores some 300 MB, a store with its history holds a few GB.
LEAST_FREE = 2_000_000_000
UNSENT = {"not sent", "left out"}


def doctor(
    live: Annotated[
        bool,
        typer.Option("--live", help="Send one small request to each endpoint of the publishers; under two minutes."),
    ] = False,
    report: Annotated[
        Path | None, typer.Option(help="Write the results to this file, without personal data, to send to others.")
    ] = None,
    compare: Annotated[
        Path | None, typer.Option(help="Compare such a file with what this version expects; sends no requests.")
    ] = None,
    select: Annotated[list[str] | None, typer.Option(help="Only the endpoints of this source; repeatable.")] = None,
    hosts: Annotated[
        bool, typer.Option("--hosts", help="List the hosts that a firewall must let through, and stop.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Check this machine or, with --live, the publishers against what a refresh needs; writes to no store."""
    if report and not live:
        raise typer.BadParameter("--report needs --live: it holds the responses of publishers")
    if report and not report.absolute().parent.is_dir():
        raise typer.BadParameter(f"--report {report}: there is no folder {report.parent}")
    if report and report.is_dir():
        raise typer.BadParameter(f"--report {report} is a folder; name a file in it")
    if select and not live and not compare:
        raise typer.BadParameter("--select needs --live or --compare: it limits the endpoints")
    if live + hosts + (compare is not None) > 1:
        raise typer.BadParameter("give one of --live, --compare and --hosts")
    if hosts:
        _show(_hosts(), as_json)
        return
    settings = Settings(mode="live") if live else Settings()
    if compare:
        from spi_pipeline.publishers.probing.report import read_report

        faulty = _judge(read_report(compare), _known(select), as_json)
    elif live:
        faulty = _probe_publishers(settings, select, report, as_json)
    else:
        rows = _machine(settings)
        _show(rows, as_json)
        faulty = any(row["trouble"] for row in rows)
    if faulty:
        raise typer.Exit(FAILED)


def _show(rows: Sequence[dict[str, str]], as_json: bool) -> None:
    from spi_pipeline.cli.terminal import show_table

    if as_json:
        out.print_json(json.dumps(rows))
    else:
        show_table(rows, out)


def _hosts() -> list[dict[str, str]]:
    """Every host that a live refresh may contact with the current settings."""
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
    """The properties of this machine that a refresh depends on, and any trouble with them."""
    from spi_pipeline.cli.contracts import complete_contracts
    from spi_pipeline.publishers.http.authorities import own_authorities
    from spi_pipeline.publishers.probing.report import surroundings, versions
    from spi_pipeline.storage.lock import is_held
    from spi_pipeline.storage.store import Store

    contracts, root = complete_contracts(settings), Store(settings.store).root
    existing = next(folder for folder in (root, *root.parents) if folder.is_dir())
    proxied, own_bundle = surroundings()
    free = shutil.disk_usage(existing).free
    setting, bundle = own_authorities()
    set_here = sorted(name for name in os.environ if name.startswith("SPI_") and os.environ[name])
    rows = [
        ("versions", ", ".join(f"{name} {number}" for name, number in versions().items()), ""),
        ("store", str(root), "" if os.access(existing, os.W_OK) else f"{existing} cannot be written to"),
        ("free disk", f"{free / 1e9:,.1f} GB", "" if free > LEAST_FREE else "a refresh may fill the disk; free space"),
        ("lock", "held by a refresh" if is_held(root) else "free", ""),
        ("contracts", f"{len(contracts.sources)} sources, no fault", ""),
        ("settings", ", ".join(set_here) or "none", ""),
        ("proxy", "set" if proxied else "none", ""),
        ("certificates", "your own bundle" if own_bundle else "those of certifi",
         "" if not bundle or Path(bundle).exists() else f"{setting} does not name a file; correct it"),
        ("hosts", f"{len(_hosts())} must be let through; spi doctor --hosts lists them", ""),
    ]  # fmt: skip
    return [{"what": what, "found": found, "trouble": trouble} for what, found, trouble in rows]


def _known(select: Sequence[str] | None) -> Mapping[str, Known]:
    """All probes, or those of the selected sources."""
    from spi_pipeline.publishers.offers import OFFERS, PROBES

    selected = set(select or ())
    if unknown := sorted(name for name in selected if name not in OFFERS or not OFFERS[name].probes):
        available = ", ".join(name for name, offer in OFFERS.items() if offer.probes)
        raise UnknownNameError(f"no endpoint serves {', '.join(unknown)}; the sources are {available}")
    chosen = {name: one for name, one in PROBES.items() if not selected or selected.intersection(one.sources)}
    for one in [*chosen.values()]:
        # A probe that follows another needs its response.
        earlier = one.probe.follows
        while earlier:
            chosen = {earlier.name: PROBES[earlier.name], **chosen}
            earlier = earlier.follows
    return {name: one for name, one in PROBES.items() if name in chosen}


def _probe_publishers(settings: Settings, select: Sequence[str] | None, file: Path | None, as_json: bool) -> bool:
    """Request every endpoint, show the results and write the report, if any; whether there is a fault."""
    from spi_pipeline.publishers.probing.report import write_report
    from spi_pipeline.run.activity import contracts_in_force

    contracts = contracts_in_force(settings)
    known = {name: one for name, one in _known(select).items() if contracts.fetched.intersection(one.sources)}
    visit = _visit(settings, contracts, known)
    if file:
        write_report(visit, file)
        notice = f"The results are in {file}: names, counts and headers, no personal data. Send this file."
        err.print(notice, soft_wrap=True)
    return _judge(visit, known, as_json)


def _visit(settings: Settings, contracts: Contracts, known: Mapping[str, Known]) -> Report:
    from spi_pipeline.run.runner import Runner

    publishers = Runner(settings, contracts).publishers
    if publishers is None:
        raise SpiError("publishers are contacted only in live mode")
    with err.status("requesting …") as status:
        return publishers.visit(
            [one.probe for one in known.values()],
            lambda one: status.update(f"requesting … {one.probe}: {_response(one)}"),
        )


def _judge(report: Report, known: Mapping[str, Known], as_json: bool) -> bool:
    """Show a report and every fault in it; whether there is a fault."""
    from spi_pipeline.publishers.offers import HOSTS
    from spi_pipeline.publishers.probing.judging import judge
    from spi_pipeline.publishers.probing.report import as_data
    from spi_pipeline.publishers.probing.visit import MOST_REQUESTS

    hosts = {name: urlsplit(host.base).hostname or name for name, host in HOSTS.items()}
    faults = judge(report.observations, known, hosts)
    seen = {one.probe for one in report.observations}
    missing = sorted(name for name, one in known.items() if name not in seen)
    if as_json:
        rows = [vars(fault) for fault in faults]
        out.print_json(json.dumps({"faults": rows, "not_in_report": missing, "report": as_data(report)}))
        return bool(faults)
    _show_seen(report.observations, faults, known)
    for fault in faults:
        err.print(str(fault), style="red", soft_wrap=True)
    for one in report.observations:
        if one.reason and one.outcome not in UNSENT | {"received"}:
            err.print(f"{one.probe} on this machine: {one.reason}", soft_wrap=True)
    left_out = sorted(
        {name for one in report.observations if one.outcome == "left out" for name in _sources(one, known)}
    )
    if left_out:
        options = " ".join(f"--select {name}" for name in left_out)
        most = f"one visit makes at most {MOST_REQUESTS} requests"
        err.print(f"Left out, since {most}: spi doctor --live {options}", soft_wrap=True)
    if missing:
        err.print(f"Not in this report: {', '.join(missing)}.", soft_wrap=True)
    out.print(
        f"{len(seen)} endpoints in {report.seconds:.0f} s and {report.requests} requests, begun {report.visited_at}: "
        f"{len(faults) or 'no'} fault{'s' * (len(faults) != 1)}.",
        soft_wrap=True,
    )
    return bool(faults)


def _sources(one: Observation, known: Mapping[str, Known]) -> tuple[str, ...]:
    return known[one.probe].sources if one.probe in known else ()


def _show_seen(observations: Sequence[Observation], faults: Sequence[Fault], known: Mapping[str, Known]) -> None:
    faulty = {fault.probe for fault in faults}
    rows = [
        {
            "endpoint": one.probe,
            "response": _response(one),
            "seen": _seen(one),
            "result": _result(one, known, faulty),
        }
        for one in observations
    ]
    _show(rows, as_json=False)


def _result(one: Observation, known: Mapping[str, Known], faulty: set[str]) -> str:
    if one.probe not in known:
        return "unknown to this version"
    if one.outcome in UNSENT:
        return ""
    if one.probe in faulty:
        return "FAULT"
    return "as expected" if one.shape else "not compared: no ranges"


def _response(one: Observation) -> str:
    outcome = f"{one.status}" if one.outcome in ("received", "refused") else one.outcome
    return f"{outcome}, {one.seconds:.1f} s" if one.seconds else outcome


def _seen(one: Observation) -> str:
    """The shape of a response in a few words."""
    shape = one.shape
    if shape is None:
        return ""
    counted = {"column": len(shape.columns), "row": shape.rows, "label": len(shape.labels), "name": len(shape.links)}
    words = [f"{count:,} {what}{'s' * (count != 1)}" for what, count in counted.items() if count]
    words += [f"newest {shape.periods[0]}"] if shape.periods else []
    words += [f"{one.size / 1e6:,.1f} MB"] if one.size and one.size > 1e5 else []
    return ", ".join(words)

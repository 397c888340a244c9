"""``python -m spi_pipeline_tests.imitations``: run the local publishers by hand."""

from __future__ import annotations

import argparse
from pathlib import Path

from spi_pipeline_tests.imitations.faults import KINDS, parse_fault
from spi_pipeline_tests.imitations.fixtures import SERVED
from spi_pipeline_tests.imitations.server import Publishers


def main() -> None:
    kinds = "\n".join(f"  {name:18} {meaning}" for name, meaning in KINDS.items())
    parser = argparse.ArgumentParser(
        prog="python -m spi_pipeline_tests.imitations",
        description="Serve all publishers from small tables until interrupted.",
        epilog=f"publishers: {', '.join(SERVED)}\n\nfaults:\n{kinds}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--port", type=int, default=8900)
    parser.add_argument("--months", type=int, default=36, help="months in the police's rolling window")
    parser.add_argument("--links", choices=["published", "local"], default="published")
    parser.add_argument("--validators", choices=["documented", "all", "none"], default="documented")
    parser.add_argument(
        "--fault", action="append", default=[], metavar="PUBLISHER:KIND[:TIMES][:OPTION=VALUE…]", help="may be repeated"
    )
    parser.add_argument(
        "--replay",
        type=Path,
        metavar="FOLDER",
        help="respond from a recording made with spi refresh --live --record FOLDER",
    )
    given = parser.parse_args()
    settings = {name: getattr(given, name) for name in ("months", "links", "validators", "replay")}
    try:
        publishers = Publishers(given.port, log=True, **settings)
    except ValueError as error:
        parser.error(str(error))
    for text in given.fault:
        try:
            fault = parse_fault(text)
            publishers.fault(fault.publisher, fault.kind, path=fault.path, times=fault.times, **fault.options)
        except ValueError as error:
            parser.error(f"--fault {text}: {error}")
    for name, address in publishers.endpoints.items():
        print(f"export {name}={address}", flush=True)
    publishers.serve()


if __name__ == "__main__":
    main()

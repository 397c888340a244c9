"""Dagster's web server behind the guard: ``python -m dagster_webserver`` with all its options.

``DAGSTER_WEBSERVER_READ_ONLY`` is Dagster's own environment variable for ``--read-only``: its pages then offer nothing
that the guard would refuse.
"""

import os
from typing import Any

from dagster_webserver.cli import main as serve
from dagster_webserver.webserver import DagsterWebserver
from starlette.middleware import Middleware

from spi_pipeline.orchestration.ui.guard import Guard
from spi_pipeline.settings import Settings

READ_ONLY = "DAGSTER_WEBSERVER_READ_ONLY"


def main() -> None:
    """Serve until stopped."""
    plain = DagsterWebserver.build_middleware
    guard = Middleware(Guard, Settings().ui_url, read_only=bool(os.environ.get(READ_ONLY)))

    def guarded(server: DagsterWebserver[Any, Any]) -> list[Middleware]:
        return [guard, *plain(server)]

    # The command line of the web server has no option for a middleware.
    DagsterWebserver.build_middleware = guarded  # type: ignore[assignment, method-assign]
    serve()  # type: ignore[no-untyped-call]


if __name__ == "__main__":
    main()

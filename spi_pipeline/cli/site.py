"""``spi site``: builds the public site from the published tables and serves it on this machine."""

from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from spi_pipeline.cli.console import err, out
from spi_pipeline.cli.contracts import shown_and_contracts
from spi_pipeline.rules.wording import counted
from spi_pipeline.settings import Settings

app = typer.Typer(help="The public site made from the published tables.", no_args_is_help=True)


@app.command("build")
def site_build(
    folder: Annotated[Path, typer.Argument(help="Folder to write to: new, empty, or that of an older site.")],
    downloads: Annotated[bool, typer.Option(help="Also make the files to download.")] = True,
) -> None:
    """Write the site from the published tables; it needs no server and no network."""
    from spi_pipeline.steps.outputs.readers import require, results_in

    require("site")
    if downloads:
        require("downloads")
    from spi_pipeline.outputs.site.build import build
    from spi_pipeline.outputs.site.facts import Facts

    shown, contracts = shown_and_contracts(Settings())
    results = results_in(shown.database, contracts, shown.read)
    files = build(results, folder, downloads, facts=Facts(shown.database, contracts.root))
    out.print(f"{counted(sum(bool(file.title) for file in files), 'page')}; open {folder / 'index.html'}")


@app.command("serve")
def site_serve(
    folder: Annotated[Path, typer.Argument(help="Folder of a finished site.")],
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port on this machine.")] = 8000,
) -> None:
    """Serve a finished site on this machine only, until Ctrl-C."""
    from spi_pipeline.outputs.site.server import SiteServer

    with SiteServer(folder, port) as server, suppress(KeyboardInterrupt):
        out.print(f"The site on {server.address}; stop it with Ctrl-C.", soft_wrap=True)
        server.serve_forever()


@app.command("councils")
def site_councils(
    folder: Annotated[Path, typer.Argument(help="Folder to write to; replaces the sites of councils in it.")],
) -> None:
    """Write one page about all councils of SPI_DEPLOYMENT, with the site of each council that has one."""
    from spi_pipeline.contracts.errors import SettingError, SpiError
    from spi_pipeline.orchestration.machines.deployment import Deployment
    from spi_pipeline.orchestration.runs import RUN
    from spi_pipeline.orchestration.watching.status import ENDED_WELL
    from spi_pipeline.outputs.files import SITE
    from spi_pipeline.outputs.queries import ward_table
    from spi_pipeline.outputs.site.councils import Council, write
    from spi_pipeline.storage.shared.copy import run_on_copy
    from spi_pipeline.storage.store import Store

    settings = Settings()
    if settings.deployment is None:
        raise SettingError("SPI_DEPLOYMENT is not set: name a file that lists councils, see docs/several-machines.md")
    pages: list[Council] = []
    for name, own_settings in Deployment.read(settings.deployment).settings.items():
        try:
            if own_settings.shared:
                run_on_copy(own_settings.shared, lambda: None, writes=False, notify=err.print)
            shown, contracts = shown_and_contracts(own_settings)
            runs = Store(own_settings.store).read_runs(RUN)
            last = runs.sort_by("run_at").to_pylist()[-1] if runs else {"state": "unknown"}
            succeeded = last["state"] in ENDED_WELL
            site = shown.folder / SITE
            health = "" if succeeded else last["state"]
            pages.append(Council.of(ward_table(shown.database), name, health, site if site.is_dir() else None))
        except SpiError as error:  # a fault of one council does not stop the others
            err.print(f"{name} is left out: {error}", style="yellow", soft_wrap=True)
    if not pages:
        raise SpiError("none of the councils has published anything yet: run spi refresh for them first")
    write(pages, folder, contracts.publication.colours)
    out.print(f"{counted(len(pages), 'council')}; open {folder / 'index.html'}")

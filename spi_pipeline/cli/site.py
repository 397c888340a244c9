"""``spi site``: the public site, built from what was published, and looked at."""

from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from spi_pipeline.cli.console import out
from spi_pipeline.cli.contracts import shown_and_contracts
from spi_pipeline.rules.wording import counted
from spi_pipeline.settings import Settings

app = typer.Typer(help="The public site made from the published tables.", no_args_is_help=True)


@app.command("build")
def site_build(
    folder: Annotated[Path, typer.Argument(help="Folder to write to: a new or empty one, or that of an older site.")],
    downloads: Annotated[bool, typer.Option(help="Make the files to take away, too.")] = True,
) -> None:
    """Write the site from what is published; it needs no server and no network."""
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
    """Show a finished site on this machine alone, until Ctrl-C."""
    from spi_pipeline.outputs.site.server import SiteServer

    with SiteServer(folder, port) as server, suppress(KeyboardInterrupt):
        out.print(f"The site on {server.address}; stop it with Ctrl-C.", soft_wrap=True)
        server.serve_forever()

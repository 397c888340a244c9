"""The ``spi`` command: arguments in, sentences and tables out. The packages that it calls do the work.

Each group of commands is a module; ``entry`` lists them. Commands import heavy modules inside their functions, so that
``--help`` is fast.
"""

from spi_pipeline.cli.entry import app, main

__all__ = ["app", "main"]

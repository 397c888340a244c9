"""The ``spi`` command: arguments in, sentences and tables out. What is done belongs in the packages it calls.

Each group of commands is a module; ``entry`` lists them. What is heavy is imported inside a command, so that asking for
help costs nothing.
"""

from spi_pipeline.cli.entry import app, main

__all__ = ["app", "main"]

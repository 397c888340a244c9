"""The documentation site: README.md, the pages of this folder, and the interfaces of the code from their docstrings.

CONTRIBUTING.md has the command that builds it. It uses Sphinx because MkDocs has had no release since 2024 and Material
for MkDocs receives only security fixes. Nothing is fetched, neither when the site is built nor when it is read.
"""

import re
import tomllib
from pathlib import Path

from pygments.lexers.special import TextLexer
from sphinx.application import Sphinx

_PROJECT = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]

project = _PROJECT["name"]
version = release = _PROJECT["version"]
# The whole repository is built, so that pages may link to files beside this folder.
root_doc = "docs/index"
include_patterns = ["docs/*.md", "docs/*.rst", "*.md"]
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
myst_heading_anchors = 4
napoleon_use_ivar = True
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
python_use_unqualified_type_names = True
html_theme = "furo"
html_title = "spi_pipeline"
html_copy_source = False


def prepare(app: Sphinx, page: str, source: list[str]) -> None:
    """Leave out diagrams, and put the pages that docs/index.md links into the sidebar, by its sections."""
    # Drawing Mermaid here would need a program that is fetched whenever the page is read.
    source[0] = re.sub(r"```mermaid\n.*?```\n", "", source[0], flags=re.DOTALL)
    if page != root_doc:
        return
    for section in source[0].split("\n## ")[1:]:
        pages = "\n".join(re.findall(r"\]\(([^)]+)\.(?:md|rst)\)", section))
        source[0] += f"\n```{{toctree}}\n:hidden:\n:caption: {section.splitlines()[0]}\n\n{pages}\n```\n"


def setup(app: Sphinx) -> None:
    """Show as plain text what no highlighter knows: CSV, and the results that examples print."""
    for language in ("csv", "scores"):
        app.add_lexer(language, TextLexer)
    app.connect("source-read", prepare)

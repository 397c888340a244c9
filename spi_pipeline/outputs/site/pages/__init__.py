"""Every kind of page, in the order of the menu."""

from spi_pipeline.outputs.site.pages.home import home
from spi_pipeline.outputs.site.pages.page import Kind

KINDS: tuple[Kind, ...] = (home,)

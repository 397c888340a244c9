"""Every kind of page, in the order of the menu."""

from spi_pipeline.outputs.site.pages.compare import compare
from spi_pipeline.outputs.site.pages.home import home
from spi_pipeline.outputs.site.pages.page import Kind
from spi_pipeline.outputs.site.pages.ward import ward
from spi_pipeline.outputs.site.pages.wards import wards

KINDS: tuple[Kind, ...] = (home, wards, ward, compare)

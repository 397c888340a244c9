"""Code-Point Open as a file in a folder: no header; countries and wards of invented postcodes."""

from __future__ import annotations

from spi_pipeline_tests.imitations.tables import LUTON

FILES = {
    "postcodes": {
        "geography/codepoint_open_zz.csv": f"""ZZ1 1AB,10,500010,220020,E9,E1,E1,,{LUTON},E05014749
ZZ1 1AA,10,500000,220000,E9,E1,E1,,{LUTON},E05014735
ZZ1 1AC,90,0,0,E9,E1,E1,,{LUTON},E05014735
ZZ1 1AD,10,500000,220000,E9,E1,E1,,E06000099,E05099999
""",
    },
}

"""Elections as files in a folder; a ward of Medway is called Luton."""

from __future__ import annotations

ELECTIONS = """COUNTYNAME,DISTRICTNAME,WARDNAME,ELECT,TURNOUT,Grand Total
Bedfordshire,Luton,Saints,"9,100",31.5,1
Bedfordshire,Luton,Barnfield,8000,27.25,1
Kent,Medway,Luton,9000,20.1,1
"""
FILES = {
    "local_elections_2023": {
        "elections/LEH-Candidates-2023_Ward_Level.csv.gz": ELECTIONS,
    },
}

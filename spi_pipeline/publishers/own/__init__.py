"""A council's own figures: tables kept in spreadsheets, each read according to its contract.

Everything particular to one table is in its contract, and nothing here knows a particular table. ``cells`` reads a
file, ``tables`` finds the table in it, ``persons`` refuses personal data, ``placing`` assigns each row to an area,
``reading`` makes our table from these, and ``inspecting`` and ``drafting`` draft the contract of a table without one.
"""

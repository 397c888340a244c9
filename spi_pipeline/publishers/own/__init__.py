"""A council's own figures: tables that somebody keeps in a spreadsheet, each read as its contract says.

Whatever holds for one such table stands in its contract; nothing here knows any. ``cells`` reads a file, ``tables``
finds the table in it, ``persons`` refuses personal data, ``placing`` says which area each row belongs to, ``reading``
makes our table of all that, and ``drafting`` writes the contract of a table that has none yet.
"""

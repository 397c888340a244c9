"""What the data must be: everything under ``data_contracts/``, as objects. Imports ``rules`` alone.

``models`` are the objects, ``reading`` makes them of YAML, ``lint`` holds files against each other and against earlier
versions, ``loader`` does both at once. What else follows from a table's contract alone stands beside them: its Arrow
schema, how new its figures must be, under which version a table was written. Judging tables does not belong here.
"""

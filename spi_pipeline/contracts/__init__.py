"""What the data must be: everything under ``data_contracts/``, as objects.

``models`` are the objects, ``reading`` makes them of YAML, ``lint`` holds files against each other and against earlier
versions, ``loader`` does both at once. What else follows from a table's contract alone stands beside them: its Arrow
schema, how new its figures must be, under which version a table was written. Judging tables does not belong here.

Of the rooms it imports ``rules``, of which a contract is made, and ``engine.framework``, which knows the methods that a
profile may state.
"""

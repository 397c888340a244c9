"""How things stand, and who is told: the status, what there is to tell of runs and sources, and the watch over ticks.

Here belongs what looks at runs, tables and Dagster's own records and changes nothing. What starts, records or ends a
run belongs beside this package.
"""

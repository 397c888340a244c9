"""Reading, checking and explaining a framework: its tree of elements, methods, values and sources of uncertainty.

Computing with a framework is in ``calculate``.
"""

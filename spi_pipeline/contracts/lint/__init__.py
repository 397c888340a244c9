"""Faults that one contract file alone cannot show: references between files, and changes since an earlier version.

Nothing that a table is computed from belongs here.
"""

"""Faults that one contract file alone cannot show: references between files, and changes since an earlier version.

Nothing here may influence how a table is computed.
"""

"""What contracts say, as typed objects: one module for each kind of file, and all of them together in ``contracts``.

What one file may hold, judged by itself, belongs here; how it is read is in ``reading``, references between files
are in ``lint``.
"""

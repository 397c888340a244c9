"""The content of contracts as typed objects: one module for each kind of file, and all together in ``contracts``.

These models judge each file by itself. ``reading`` reads the files, and ``lint`` judges references between them.
"""

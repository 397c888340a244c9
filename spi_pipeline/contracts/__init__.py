"""The contracts: everything under ``data_contracts/``, as objects.

``models`` holds the objects, ``reading`` builds them from YAML, and ``lint`` compares files with each other and with
earlier versions; ``loader`` reads and lints at once. Further modules derive from a table's contract alone: its Arrow
schema, how new its figures must be, and the version under which a table was written. Judging tables does not belong
here.

This package imports two others: ``rules``, from which contracts are built, and ``engine.framework``, which knows the
methods that a profile may declare.
"""

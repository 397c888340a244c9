"""Rules on tables: the promises that can be made, and whether a table keeps them.

This package holds the kinds of rule, one file each in ``kinds``, and their evaluation. It is the only package that
knows Great Expectations. Which rules a table has is declared by its contract. The package ``contracts`` builds on this
one: it makes its rules from these kinds, and reads from them what a contract may declare. A rule knows columns and
parameters, and nothing about contracts. Only ``evaluation`` and ``great_expectations`` import libraries for tables,
so that contracts load fast.
"""

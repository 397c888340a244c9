"""Rules on tables: what can be promised, and whether a table keeps it; the only room that knows Great Expectations.

Here belong the kinds of rule, one file each in ``kinds``, and their evaluation. Not here: which rules a table has; its
contract says that. The room lies below ``contracts``: contracts are made of rules and ask the kinds what may be stated,
while a rule knows columns and parameters and nothing of contracts. Modules that name or word a rule import no library
of tables, so that contracts load fast; only ``evaluation`` and ``native`` do.
"""

"""The framework applied to the council's figures: what the engine is handed, and the tables that come back.

Which figures an index rests on, and how its results are laid out for readers, belong here. Every score is formed by the
engine, the published one and each draw behind an interval by the same functions.
"""

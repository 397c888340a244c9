"""The framework applied to the council's figures: the inputs of the engine, and the tables made from its results.

This package decides which figures an index uses and how its results are arranged in tables. The engine computes every
score, published or drawn for an interval, with the same functions.
"""

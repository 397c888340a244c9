"""Weights of children in their parent, and statistics of the children's internal consistency.

The functions work on scores and correlations. ``framework`` reads which method an element uses; ``aggregate`` combines
scores with the weights.
"""

"""Aggregation: from the children's scores to their parent's, and the contribution of each child.

Weights come from ``weights``; ``framework`` reads which mean an element uses.
"""

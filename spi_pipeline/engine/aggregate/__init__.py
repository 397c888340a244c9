"""From the children's scores to their parent's: the means, and what each child contributed.

Weights come from ``weights``; which mean an element asks for is read in ``framework``.
"""

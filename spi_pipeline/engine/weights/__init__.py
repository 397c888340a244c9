"""How much each child counts in its parent, and how well the children hang together.

Functions of scores and correlations belong here; combining scores with the weights is in ``aggregate``, which way an
element asks for in ``framework``.
"""

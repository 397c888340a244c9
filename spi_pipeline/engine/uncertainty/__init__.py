"""How sure an index is: recalculations with what may be doubted drawn anew, and what many of them say together.

What may be doubted is read in ``framework.doubt``; the calculation that is doubted is in ``calculate``.
"""

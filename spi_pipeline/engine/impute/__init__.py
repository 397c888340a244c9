"""Filling gaps: from the other indicators, or from the same one; and the record of the cells filled.

Which way an indicator asks for is read in ``framework``; that a value is missing, or must stay so, is decided
elsewhere.
"""

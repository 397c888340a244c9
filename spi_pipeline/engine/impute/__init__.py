"""Imputation of missing values, from other indicators or from the same one, with a record of the imputed cells.

``framework`` reads which method an indicator uses. Which values are missing, or must stay missing, is decided
elsewhere.
"""

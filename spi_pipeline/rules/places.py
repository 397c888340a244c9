"""Patterns of places that could identify a single household: postcodes and coordinates."""

# The area codes that postcodes begin with. Without this list, codes of census tables such as KS403EW would match.
_AREAS = (
    "AB|AL|B[ABDHLNRST]?|C[ABFHMORTVW]|D[ADEGHLNTY]|E[CHNX]?|F[KY]|G[LUY]?|H[ADGPRSUX]|I[GMPV]|JE|K[ATWY]|L[ADELNSU]?"
    "|M[EKL]?|N[EGNPRW]?|O[LX]|P[AEHLOR]|R[GHM]|S[AEGKLMNOPRSTWY]?|T[ADFNQRSW]|UB|W[ACDFNRSV]?|YO|ZE"
)
# A full postcode, whose last two letters are never C, I, K, M, O or V; or latitude and longitude to a metre, in either
# order. Figures in sentences have six digits at most, so none has a latitude's two digits and five decimals.
_LATITUDE, _LONGITUDE = r"(?:49|5\d|60)\.\d{5,}", r"-?[0-8]\.\d{4,}"
PLACE = (
    rf"\b(?:{_AREAS})\d[A-Z\d]? ?\d[ABD-HJLNP-UW-Z]{{2}}\b"
    rf"|\b{_LATITUDE}[,;\s]+{_LONGITUDE}|{_LONGITUDE}[,;\s]+{_LATITUDE}\b"
)
# Names of columns that hold places.
NAMED = (
    r"post_?codes?|pcds?\d?|uprns?|lat|latitudes?|lon|long|lng|longitudes?|eastings?|northings?"
    r"|[xy](?:_?coord(?:inate)?s?)?|coordinates?|points?|grid_?ref(?:erence)?s?"
)

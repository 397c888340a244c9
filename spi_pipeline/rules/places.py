"""How a place is written that a single household could be found by: postcodes and coordinates."""

# The areas that postcodes begin with. Codes of census tables would look like them otherwise: KS403EW.
_AREAS = (
    "AB|AL|B[ABDHLNRST]?|C[ABFHMORTVW]|D[ADEGHLNTY]|E[CHNX]?|F[KY]|G[LUY]?|H[ADGPRSUX]|I[GMPV]|JE|K[ATWY]|L[ADELNSU]?"
    "|M[EKL]?|N[EGNPRW]?|O[LX]|P[AEHLOR]|R[GHM]|S[AEGKLMNOPRSTWY]?|T[ADFNQRSW]|UB|W[ACDFNRSV]?|YO|ZE"
)
# A full postcode, whose last two letters are none of C, I, K, M, O and V; latitude and longitude to a metre, either
# first. Figures in sentences have six digits, and so never five decimals behind a latitude.
_LATITUDE, _LONGITUDE = r"(?:49|5\d|60)\.\d{5,}", r"-?[0-8]\.\d{4,}"
PLACE = (
    rf"\b(?:{_AREAS})\d[A-Z\d]? ?\d[ABD-HJLNP-UW-Z]{{2}}\b"
    rf"|\b{_LATITUDE}[,;\s]+{_LONGITUDE}|{_LONGITUDE}[,;\s]+{_LATITUDE}\b"
)
# What a column of places is called.
NAMED = (
    r"post_?codes?|pcds?\d?|uprns?|lat|latitudes?|lon|long|lng|longitudes?|eastings?|northings?"
    r"|[xy](?:_?coord(?:inate)?s?)?|coordinates?|points?|grid_?ref(?:erence)?s?"
)

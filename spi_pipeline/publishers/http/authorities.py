"""Certificate authorities of one's own, as the environment names them."""

import os

# In the order in which requests reads them.
_SETTINGS = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


def own_authorities() -> tuple[str, str]:
    """The setting that names the file of them, and the file; empty where none does."""
    return next(((name, os.environ[name]) for name in _SETTINGS if os.environ.get(name)), ("", ""))

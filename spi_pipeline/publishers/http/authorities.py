"""Custom certificate authorities, as the environment names them."""

import os

# In the order in which requests reads them.
_SETTINGS = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


def own_authorities() -> tuple[str, str]:
    """Return the setting that names a file of authorities, and the file; both are empty if no setting names one."""
    return next(((name, os.environ[name]) for name in _SETTINGS if os.environ.get(name)), ("", ""))

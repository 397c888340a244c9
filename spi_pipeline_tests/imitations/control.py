"""The control interface over HTTP: faults, the log, settings and endpoints under ``/_control``."""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from typing import TYPE_CHECKING

from spi_pipeline_tests.imitations.messages import Response, Site, json_response

if TYPE_CHECKING:
    from spi_pipeline_tests.imitations.server import Publishers

_SETTINGS = [entry.name for entry in fields(Site) if entry.name not in ("base", "police_bucket")]


def control(publishers: Publishers, method: str, path: str, body: bytes) -> Response:
    """Control the publishers over HTTP, as a test in the same process does by calling methods.

    * GET ``faults``, ``requests``, ``settings`` or ``endpoints`` shows them.
    * POST ``faults`` switches one on. It takes publisher and kind; path, times and the kind's options are optional.
    * DELETE ``faults`` switches off the faults of a publisher, or all.
    * DELETE ``requests`` empties the log.
    * POST ``settings`` changes settings.

    Each response shows the state afterwards; a 400 names the unknown word.
    """
    try:
        given = json.loads(body) if body else {}
        if (method, path) == ("POST", "faults"):
            publishers.fault(given.pop("publisher"), given.pop("kind"), **given)
        elif (method, path) == ("DELETE", "faults"):
            publishers.clear_faults(given.get("publisher"))
        elif (method, path) == ("DELETE", "requests"):
            publishers.requests.clear()
        elif (method, path) == ("POST", "settings"):
            _change_settings(publishers.site, given)
        elif method != "GET" or path not in ("faults", "requests", "settings", "endpoints"):
            return json_response({"error": f"no {method} /_control/{path}"}, 404)
    except (KeyError, TypeError, ValueError) as error:
        return json_response({"error": str(error)}, 400)
    if path == "faults":
        return json_response([asdict(fault) for fault in publishers.switchboard.active()])
    if path == "requests":
        return json_response([asdict(seen) for seen in publishers.requests])
    state = (
        publishers.endpoints if path == "endpoints" else {name: getattr(publishers.site, name) for name in _SETTINGS}
    )
    return json_response(state)


def _change_settings(site: Site, given: dict[str, object]) -> None:
    if unknown := set(given) - set(_SETTINGS):
        raise ValueError(f"no setting {', '.join(sorted(unknown))}: one of {', '.join(_SETTINGS)}")
    for name, value in given.items():
        setattr(site, name, value)

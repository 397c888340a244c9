"""ONS Open Geography: the probes that its services and their fields still exist."""

from dataclasses import replace
from functools import partial

import shapely

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.publishers.http.exchange import Request, Scope
from spi_pipeline.publishers.http.peeking import Peek, Piece
from spi_pipeline.publishers.ons_geography.layers import SERVICES, Service
from spi_pipeline.publishers.ons_geography.services import (
    PUBLISHER,
    check_body,
    fetch_service,
    fields_of,
    within_degrees,
)
from spi_pipeline.publishers.probing.probe import EarlierResponse, Probe, Shape, first_request
from spi_pipeline.publishers.probing.shapes import json_of

# Boundaries are long: a generalised boundary of one area takes up to 50 kB.
LONGEST = 300_000


def _ask(name: str, scope: Scope, _: EarlierResponse) -> Request | None:
    """Return the request of a refresh, for one record."""
    request = first_request(partial(fetch_service, name), scope)
    if request is None:
        return None
    one = tuple((key, "1" if key == "resultRecordCount" else value) for key, value in request.params)
    return replace(request, params=one)


def _shape(peek: Peek) -> Shape:
    body = json_of(peek.body, PUBLISHER)
    body = body if isinstance(body, dict) else {}
    error = body.get("error")
    if isinstance(error, dict):
        return Shape(facts={"error": str(error.get("code")), "message": str(error.get("message"))})
    features = body.get("features")
    first = features[0] if isinstance(features, list) and features else {}
    fields = first.get("attributes", first.get("properties")) or {}
    facts = {"features": "listed" if isinstance(features, list) else "none"}
    if first.get("geometry"):
        facts["degrees"] = "yes" if within_degrees(shapely.geometry.shape(first["geometry"])) else "no"
    return Shape(columns=tuple(fields), rows=len(features or ()), facts=facts)


def _is_service(service: Service, shape: Shape) -> None:
    """Check that a response has features and their fields; otherwise raise the error that a refresh would raise."""
    facts = shape.facts
    code = facts.get("error", "")
    error = {"code": int(code) if code.isdigit() else code, "message": facts.get("message")} if code else None
    check_body({"error": error, "features": [] if facts.get("features") == "listed" else None}, service)
    fields_of(service, dict.fromkeys(shape.columns), service.name)
    if service.drawn and facts.get("degrees") != "yes":
        raise SpiError(f"{service.name} of {PUBLISHER} gives no coordinates in degrees; see its outSR and f")


PROBES = {
    name: Probe(
        f"ons_geography/{name}", partial(_ask, name), _shape, (partial(_is_service, service),), piece=Piece(LONGEST)
    )
    for name, service in SERVICES.items()
}

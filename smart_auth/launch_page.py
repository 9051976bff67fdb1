"""Where a signed-in person's pages ask for a launch of an app. POST {issuer}/launches

The form: `form` (of the session), `client_id`, and the context: `patient`, `encounter`, `fhirContext` (JSON),
`need_patient_banner`, `intent`. The answer, as JSON: `launch`, `iss`, `expires_in`.
"""

from __future__ import annotations

import json
from typing import Any

from smart_auth import clients, encounter_choice, launches, patient_choice
from smart_auth.desk import Desk
from smart_auth.launches import SECONDS, Context, UnusableContext
from smart_auth.visits import Page, Visit


def make(desk: Desk, visit: Visit) -> Page:
    """POST: a launch of one app, for whoever is signed in, with one context."""
    try:
        context = _context(visit)
    except UnusableContext as error:
        return _json(400, {"error": "invalid_request", "error_description": str(error)})
    with desk.engine.begin() as connection:
        session = desk.session(connection, visit)
        client = clients.find(connection, visit.first("client_id"))
    if session is None:
        return _json(401, {"error": "login_required"})
    if not desk.genuine(visit, session):
        return _json(403, {"error": "access_denied", "error_description": "form: not that of this session"})
    if client is None or not client.redirect_uris:
        return _json(400, {"error": "invalid_request", "error_description": "client_id: no app of this name"})
    site, search, person = desk.parts.site, desk.parts.search, session.person
    if context.patient and not patient_choice.may_choose(search, person, site, client.client_id, context.patient):
        return _json(403, {"error": "access_denied", "error_description": "patient: not one that you may choose"})
    if context.encounter and not encounter_choice.may_choose(
        search, person, site, client.client_id, context.encounter, context.patient or ""
    ):
        return _json(403, {"error": "access_denied", "error_description": "encounter: not one of the patient's"})
    with desk.engine.begin() as connection:
        value = launches.make(connection, client.client_id, person.subject, context, desk.time())
    return _json(201, {"launch": value, "iss": site.fhir_base, "expires_in": SECONDS})


def _context(visit: Visit) -> Context:
    """Raises UnusableContext."""
    try:
        listed: Any = json.loads(visit.first("fhirContext") or "[]")
    except (ValueError, RecursionError):
        listed = None
    if not isinstance(listed, list):
        raise UnusableContext("fhirContext: must be a JSON array")
    banner = visit.first("need_patient_banner") or "true"
    if banner not in ("true", "false"):
        raise UnusableContext("need_patient_banner: must be true or false")
    first = visit.first
    return launches.checked(
        first("patient") or None, first("encounter") or None, listed, banner == "true", first("intent") or None
    )


def _json(status: int, body: dict[str, Any]) -> Page:
    headers = [("Content-Type", "application/json"), ("Cache-Control", "no-store")]
    return Page(status, json.dumps(body).encode(), headers)

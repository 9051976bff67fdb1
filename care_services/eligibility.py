"""Whether a member may be treated on account of the plan: asked of the ERP, else by what is last known. Contract 5.

https://hl7.org/fhir/R4/coverageeligibilityresponse.html. No answer is better than what is known: what is unknown, too
old or refused is not eligible, and says why.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from adapters.fhir_client import FhirClient
from adapters.partner_errors import PartnerRefused, PartnerUnavailable
from care_services.referred import referred
from mappings.errors import Fault, MappingError
from mappings.tasy.eligibility import denial, to_eligibility_request, to_eligibility_response
from mappings.tasy.member import damaged_names
from mappings.tasy.read import read
from mappings.tasy.records import EligibilityReply, EligibilityRequest, Reason
from mappings.tasy.site import Site

Json = Any

OLDEST = timedelta(hours=24)
"""Age beyond which what is known says nothing."""
MANUAL = "Verificação manual necessária."

Ask = Callable[[EligibilityRequest], Awaitable[bytes]]
"""What is asked -> Tasy's answer. Raises PartnerRefused, PartnerUnavailable."""


@dataclass(slots=True)
class Answer:
    """What came of a request."""

    response: Json
    """CoverageEligibilityResponse, without id."""
    faults: Sequence[Fault] = ()
    """What a person should look at."""
    sent: EligibilityRequest | None = None
    said: bytes | None = None
    """What Tasy was asked, and its answer as it came."""
    damaged: Sequence[Fault] = ()
    """Names in the answer that lost characters before they came."""
    why: str = "answered"
    """answered, refused, provisional, unmapped."""


async def answer(
    asked: Json, record: FhirClient, ask: Ask, site: Site, now: datetime, confirmed: datetime | None = None
) -> Answer:
    """The answer to a CoverageEligibilityRequest of the record.

    now, confirmed: with zone; confirmed: when the roster was last brought to what Tasy has. Raises FhirRefused,
    PartnerUnavailable where the record itself cannot be asked.
    """
    reference = f"CoverageEligibilityRequest/{asked['id']}/_history/{asked['meta']['versionId']}"
    known = await referred(record, asked)
    try:
        sent = to_eligibility_request(asked, known, site)
    except MappingError as error:
        return Answer(_refused(asked, reference, site, now, ()), [Fault(error.element, error.reason)], why="unmapped")
    try:
        said = await ask(sent)
    except PartnerUnavailable:
        coverage, last = await _last_known(record, asked, known, site)
        return Answer(provisional(asked, reference, coverage, last, site, now, confirmed), (), sent, why="provisional")
    except PartnerRefused as refusal:
        faults = [] if refusal.issue == "business-rule" else [Fault("$", f"refused: {refusal.issue}", refusal.code)]
        response = _refused(asked, reference, site, now, refusal.reasons, known=not faults)
        return Answer(response, faults, sent, why="refused")
    try:
        reply, drift = read(EligibilityReply, said, site.names)
        response, faults = to_eligibility_response(reply, asked, reference, site)
    except MappingError as error:
        fault = Fault(error.element, error.reason)
        return Answer(_refused(asked, reference, site, now, ()), [fault], sent, said, why="unmapped")
    faults = [*(one for one in drift if one.code != "drift"), *faults]
    return Answer(response, faults, sent, said, damaged=damaged_names(reply.segurado))


def provisional(
    asked: Json, reference: str, coverage: Json | None, last: Json | None, site: Site, now: datetime,
    confirmed: datetime | None = None,
) -> Json:  # fmt: skip
    """The answer while Tasy is away: what the record knows of the coverage, and since when.

    coverage: as the record has it; last: Tasy's last answer about it; confirmed: when the roster was last applied.
    """
    response = _unanswered(asked, reference, site, now)
    changed = _moment(coverage["meta"]["lastUpdated"]) if coverage else None
    answered = _moment(last["created"]) if last else None
    times = [one for one in (changed, answered, confirmed if coverage else None) if one is not None]
    response["extension"] = [{"url": site.systems.extension("provisorio"), "valueBoolean": True}]
    if coverage is None or not times:
        response["disposition"] = "Provisória: nada se sabe da cobertura; não elegível até que seja verificada."
        return response
    known = max(times)
    age = max(now - known, timedelta(0))
    response["extension"].append({"url": site.systems.extension("conhecido-em"), "valueInstant": _text(known)})
    when = date.fromisoformat((asked.get("servicedDate") or now.date().isoformat())[:10])
    good = covers(coverage, when, site)
    if last is not None and answered is not None and (changed is None or answered >= changed):
        good = good and bool(last["insurance"][0].get("inforce"))
    if age > OLDEST:
        response["disposition"] = (
            f"Provisória: o que se sabe é de há {_words(age)}; não elegível até que seja verificada."
        )
    else:
        response["insurance"][0]["inforce"] = good
        response["disposition"] = f"Provisória: conforme o que se sabia há {_words(age)}."
    return response


def covers(coverage: Json, when: date, site: Site) -> bool:
    """Whether a Coverage is good for services of a day, as far as it tells."""
    period, day = coverage.get("period", {}), when.isoformat()
    limit = next(
        (one["valueDate"] for one in coverage.get("extension", ())
         if one["url"] == site.systems.extension("limite-utilizacao")), "",
    )  # fmt: skip
    ended = "end" in period and period["end"][:10] <= day
    return coverage.get("status") == "active" and period.get("start", "")[:10] <= day and (not ended or limit >= day)


def manual_check(response: Json, faults: Sequence[Fault], site: Site, now: datetime) -> Json:
    """The Task of whoever finds out what the ERP meant. response: as it is stored. https://hl7.org/fhir/R4/task.html"""
    return {
        "resourceType": "Task",
        "status": "requested",
        "intent": "order",
        "priority": "urgent",
        "code": {"coding": [{"system": site.systems.codes("tarefa"), "code": "verificacao-manual"}]},
        "description": "; ".join(f"{one.element}: {one.reason}" for one in faults),
        "focus": {"reference": f"{response['resourceType']}/{response['id']}"},
        "for": response["patient"],
        "authoredOn": _text(now),
    }


async def _last_known(
    record: FhirClient, asked: Json, known: Mapping[str, Json], site: Site
) -> tuple[Json | None, Json | None]:
    """The coverage asked about, and Tasy's last answer about it."""
    focal = _coverage(asked)
    coverage = known.get(focal.get("reference", ""))
    criteria = {"patient": asked["patient"].get("reference", ""), "_sort": "-created", "_count": "20"}
    mark = site.systems.extension("provisorio")
    async for one in record.search("CoverageEligibilityResponse", criteria):
        about = [insurance.get("coverage") for insurance in one.get("insurance", ())]
        if focal in about and not any(extension["url"] == mark for extension in one.get("extension", ())):
            return coverage, one
    return coverage, None


def _coverage(asked: Json) -> Json:
    insurance = asked.get("insurance", ())
    chosen = next((one for one in insurance if one.get("focal")), insurance[0] if insurance else {})
    return chosen.get("coverage", {})


def _unanswered(asked: Json, reference: str, site: Site, now: datetime) -> Json:
    """An answer that opens nothing: not in force, and each item needs authorization."""
    items = [
        {"productOrService": one["productOrService"], "authorizationRequired": True}
        for one in asked.get("item", ())
        if "productOrService" in one
    ]
    return {
        "resourceType": "CoverageEligibilityResponse",
        "status": "active",
        "purpose": asked["purpose"],
        "patient": asked["patient"],
        **{name: asked[name] for name in ("servicedDate", "servicedPeriod") if name in asked},
        "created": _text(now),
        "request": {"reference": reference},
        "outcome": "partial",
        "insurer": site.insurer(),
        "insurance": [{"coverage": _coverage(asked), "inforce": False, **({"item": items} if items else {})}]
        if _coverage(asked)
        else [],
    }


def _refused(
    asked: Json, reference: str, site: Site, now: datetime, reasons: Sequence[str], *, known: bool = False
) -> Json:
    """The answer where Tasy will not give one. known: it is a rule of the plan's, not a defect."""
    response = _unanswered(asked, reference, site, now)
    response["outcome"] = "complete" if known else "error"
    if not known:
        response["disposition"] = MANUAL
    errors = [{"code": denial(Reason(cd_motivo_tiss=one), site)} for one in reasons]
    response["error"] = errors or [{"code": {"text": "Não pôde ser verificada."}}]
    return response


def _moment(value: str) -> datetime:
    return datetime.fromisoformat(value) if len(value) > 10 else datetime.fromisoformat(f"{value}T00:00:00+00:00")


def _text(moment: datetime) -> str:
    return moment.replace(microsecond=0).isoformat()


def _words(age: timedelta) -> str:
    minutes = int(age.total_seconds()) // 60
    return f"{minutes // 60} h {minutes % 60:02d} min"

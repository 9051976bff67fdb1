"""Resources that are valid, and ones that are not, each with the errors it has: (code, path)."""

from __future__ import annotations

from typing import Any

PATIENT: dict[str, Any] = {"resourceType": "Patient"}
CODE: dict[str, Any] = {"text": "x"}
OBSERVATION: dict[str, Any] = {"resourceType": "Observation", "status": "final", "code": CODE}
BUNDLE: dict[str, Any] = {"resourceType": "Bundle", "type": "collection"}
URL = "http://example.org/x"
EXTENSION = {"url": URL, "valueString": "x"}
DIV = '<div xmlns="http://www.w3.org/1999/xhtml">x</div>'

VITAL_SIGN: dict[str, Any] = {
    "resourceType": "Observation",
    "id": "bp-1",
    "meta": {"profile": ["http://example.org/StructureDefinition/vital"], "lastUpdated": "2024-05-03T10:00:00.000Z"},
    "text": {"status": "generated", "div": DIV},
    "status": "final",
    "category": [{"coding": [{"system": URL, "code": "vital-signs", "display": "Vital"}]}],
    "code": {"coding": [{"system": "http://loinc.org", "code": "85354-9"}], "text": "Blood pressure"},
    "subject": {"reference": "Patient/1"},
    "effectiveDateTime": "2024-05-03T10:00:00+02:00",
    "component": [
        {
            "code": {"coding": [{"system": "http://loinc.org", "code": "8480-6"}]},
            "valueQuantity": {"value": 120.50, "unit": "mmHg", "system": "http://unitsofmeasure.org", "code": "mm[Hg]"},
        }
    ],
}

GOOD: dict[str, Any] = {
    "least": PATIENT,
    "vital sign": VITAL_SIGN,
    "extension beside a primitive": {**PATIENT, "birthDate": "1970", "_birthDate": {"extension": [EXTENSION]}},
    "extension instead of a primitive": {**PATIENT, "_birthDate": {"extension": [EXTENSION]}},
    "id beside a primitive": {**PATIENT, "birthDate": "1970", "_birthDate": {"id": "x"}},
    "extension instead of a required primitive": {
        "resourceType": "Observation", "code": CODE, "_status": {"extension": [EXTENSION]}
    },
    "extensions in an array": {
        **PATIENT, "name": [{"given": ["A", None, "C"], "_given": [None, {"extension": [EXTENSION]}]}]
    },
    "extension beside a choice": {**PATIENT, "deceasedBoolean": True, "_deceasedBoolean": {"id": "a"}},
    "nested extension": {**PATIENT, "extension": [{"url": URL, "extension": [{"url": "a", "valueInteger": 1}]}]},
    "contained": {
        **OBSERVATION, "subject": {"reference": "#p"}, "contained": [{"resourceType": "Patient", "id": "p"}]
    },
    "contained refers to its container": {
        **OBSERVATION,
        "contained": [{"resourceType": "Provenance", "id": "p", "recorded": "2024-05-03T10:00:00Z",
                       "target": [{"reference": "#"}], "agent": [{"who": {"display": "x"}}]}],
    },
    "contained used by a canonical": {
        "resourceType": "QuestionnaireResponse", "status": "completed", "questionnaire": "#q",
        "contained": [{"resourceType": "Questionnaire", "id": "q", "status": "active"}],
    },
    "reference elsewhere": {**OBSERVATION, "subject": {"reference": "https://example.org/fhir/Patient/1"}},
    "reference to a version": {**OBSERVATION, "subject": {"reference": "Patient/1/_history/2"}},
    "reference by urn": {**OBSERVATION, "subject": {"reference": "urn:uuid:c757873d-ec9a-4326-a141-556f43239520"}},
    "conditional reference": {**OBSERVATION, "subject": {"reference": "Patient?identifier=x|1"}},
    "logical reference": {**OBSERVATION, "subject": {"type": "Patient", "identifier": {"value": "1"}}},
    "bundle of resources": {
        **BUNDLE, "entry": [{"fullUrl": "urn:uuid:c757873d-ec9a-4326-a141-556f43239520", "resource": PATIENT}]
    },
    "entry without fullUrl": {**BUNDLE, "entry": [{"resource": PATIENT}]},
    "parameters": {"resourceType": "Parameters", "parameter": [{"name": "a", "part": [{"name": "b", "valueUuid":
                   "urn:uuid:c757873d-ec9a-4326-a141-556f43239520"}]}]},
    "currency": {"resourceType": "Invoice", "status": "draft", "totalNet": {"value": 1, "currency": "BRL"}},
}  # fmt: skip

# name: (resource, code and path of each error)
BAD: dict[str, tuple[Any, list[tuple[str, str]]]] = {
    "no object": ([], [("structure", "Resource")]),
    "nothing": (None, [("structure", "Resource")]),
    "no type": ({}, [("structure", "Resource.resourceType")]),
    "type that is no text": ({"resourceType": 1}, [("structure", "Resource.resourceType")]),
    "unknown type": ({"resourceType": "Foo"}, [("structure", "Foo.resourceType")]),
    "abstract type": ({"resourceType": "Resource"}, [("structure", "Resource.resourceType")]),
    "data type": ({"resourceType": "HumanName"}, [("structure", "HumanName.resourceType")]),
    # Elements and cardinality
    "unknown element": ({**PATIENT, "nmae": 1}, [("structure", "Patient")]),
    "unknown element deeper": ({**PATIENT, "name": [{"x": 1}]}, [("structure", "Patient.name[0]")]),
    "comments of an older release": ({**PATIENT, "fhir_comments": ["x"]}, [("structure", "Patient")]),
    "required": (
        {"resourceType": "Observation"}, [("required", "Observation.status"), ("required", "Observation.code")]
    ),
    "required choice": (
        {"resourceType": "MedicationStatement", "status": "active", "subject": {"display": "x"}},
        [("required", "MedicationStatement.medication")],
    ),
    "required deeper": ({**PATIENT, "link": [{"type": "refer"}]}, [("required", "Patient.link[0].other")]),
    "array where one is allowed": ({**PATIENT, "gender": ["male"]}, [("code-invalid", "Patient.gender")]),
    "objects where one is allowed": ({**PATIENT, "maritalStatus": [CODE]}, [("structure", "Patient.maritalStatus")]),
    "no array": ({**PATIENT, "name": {"text": "x"}}, [("structure", "Patient.name")]),
    "no array of primitives": ({**PATIENT, "name": [{"given": "x"}]}, [("structure", "Patient.name[0].given")]),
    "empty array": ({**PATIENT, "name": []}, [("structure", "Patient.name")]),
    "empty array of primitives": ({**PATIENT, "name": [{"given": []}]}, [("structure", "Patient.name[0].given")]),
    "empty object": ({**PATIENT, "name": [{}]}, [("invariant", "Patient.name[0]")]),
    "object with only an id": ({**PATIENT, "name": [{"id": "x"}]}, [("invariant", "Patient.name[0]")]),
    "empty text": ({**PATIENT, "name": [{"text": ""}]}, [("value", "Patient.name[0].text")]),
    "null": ({**PATIENT, "birthDate": None}, [("value", "Patient.birthDate")]),
    "null object": ({**PATIENT, "name": [None]}, [("structure", "Patient.name[0]")]),
    "text for an object": ({**PATIENT, "name": ["x"]}, [("structure", "Patient.name[0]")]),
    "object for a text": ({**PATIENT, "birthDate": {}}, [("value", "Patient.birthDate")]),
    # Types
    "id": ({**PATIENT, "id": "a_b"}, [("value", "Patient.id")]),
    "date": ({**PATIENT, "birthDate": "1970-02-30"}, [("value", "Patient.birthDate")]),
    "boolean": ({**PATIENT, "active": "true"}, [("value", "Patient.active")]),
    "number in quotes": ({**OBSERVATION, "valueQuantity": {"value": "1"}}, [("value", "Observation.value.value")]),
    "integer with fraction": ({**OBSERVATION, "valueInteger": 1.0}, [("value", "Observation.value")]),
    "narrative": (
        {**PATIENT, "text": {"status": "generated", "div": "<div>x</div>"}}, [("value", "Patient.text.div")]
    ),
    # Choices
    "type that is no choice": ({**OBSERVATION, "valueAttachment": {"title": "x"}}, [("structure", "Observation")]),
    "choice without type": ({**OBSERVATION, "value": 1}, [("structure", "Observation")]),
    "two choices": ({**OBSERVATION, "valueString": "x", "valueInteger": 1}, [("structure", "Observation.value")]),
    "two choices, one of them an extension": (
        {**OBSERVATION, "valueString": "x", "_valueInteger": {"extension": [EXTENSION]}},
        [("structure", "Observation.value")],
    ),
    # Primitive extensions
    "nothing beside nothing": ({**PATIENT, "_birthDate": {"id": "x"}}, [("invariant", "Patient.birthDate")]),
    "empty beside a value": (
        {**PATIENT, "birthDate": "1970", "_birthDate": {}}, [("invariant", "Patient.birthDate")]
    ),
    "value in the sibling": ({**PATIENT, "_birthDate": "1970"}, [("structure", "Patient.birthDate")]),
    "null twice": (
        {**PATIENT, "name": [{"given": ["A", None], "_given": [{"id": "x"}, None]}]},
        [("value", "Patient.name[0].given[1]"), ("structure", "Patient.name[0].given[1]")],
    ),
    "null without sibling": ({**PATIENT, "name": [{"given": [None]}]}, [("value", "Patient.name[0].given[0]")]),
    "sibling without array": (
        {**PATIENT, "name": [{"given": ["A"], "_given": {"id": "x"}}]}, [("structure", "Patient.name[0].given")]
    ),
    "sibling of an object": ({**PATIENT, "_maritalStatus": {"id": "x"}}, [("structure", "Patient")]),
    "sibling of the id": ({**PATIENT, "id": "a", "_id": {"id": "x"}}, [("structure", "Patient")]),
    # Extensions
    "extension without url": (
        {**PATIENT, "extension": [{"valueString": "x"}]}, [("required", "Patient.extension[0].url")]
    ),
    "extension with nothing": ({**PATIENT, "extension": [{"url": URL}]}, [("invariant", "Patient.extension[0]")]),
    "extension with both": (
        {**PATIENT, "extension": [{**EXTENSION, "extension": [EXTENSION]}]}, [("invariant", "Patient.extension[0]")]
    ),
    "extension with two values": (
        {**PATIENT, "extension": [{**EXTENSION, "valueCode": "x"}]}, [("structure", "Patient.extension[0].value")]
    ),
    "extension of unknown type": (
        {**PATIENT, "extension": [{"url": URL, "valueFoo": "x"}]},
        [("structure", "Patient.extension[0]"), ("invariant", "Patient.extension[0]")],
    ),
    # Required bindings
    "code": ({**PATIENT, "gender": "m"}, [("code-invalid", "Patient.gender")]),
    "code of another case": ({**OBSERVATION, "status": "Final"}, [("code-invalid", "Observation.status")]),
    "concept without the code": (
        {"resourceType": "Condition", "subject": {"reference": "Patient/1"},
         "clinicalStatus": {"coding": [{"system": URL, "code": "active"}]}},
        [("code-invalid", "Condition.clinicalStatus")],
    ),
    "concept of text alone": (
        {"resourceType": "Condition", "subject": {"reference": "Patient/1"}, "clinicalStatus": {"text": "active"}},
        [("code-invalid", "Condition.clinicalStatus")],
    ),
    "currency": (
        {"resourceType": "Invoice", "status": "draft", "totalNet": {"value": 1, "currency": "reais"}},
        [("code-invalid", "Invoice.totalNet.currency")],
    ),
    # References
    "reference to another type": (
        {**OBSERVATION, "subject": {"reference": "Organization/1"}}, [("value", "Observation.subject")]
    ),
    "reference elsewhere to another type": (
        {**OBSERVATION, "subject": {"reference": "https://example.org/fhir/Organization/1"}},
        [("value", "Observation.subject")],
    ),
    "reference to no type": ({**OBSERVATION, "focus": [{"reference": "Foo/1"}]}, [("value", "Observation.focus[0]")]),
    "conditional reference to another type": (
        {**OBSERVATION, "subject": {"reference": "Organization?name=x"}}, [("value", "Observation.subject")]
    ),
    "reference that says another type": (
        {**OBSERVATION, "subject": {"reference": "Patient/1", "type": "Group"}}, [("value", "Observation.subject.type")]
    ),
    "logical reference to another type": (
        {**OBSERVATION, "subject": {"type": "Organization", "display": "x"}}, [("value", "Observation.subject.type")]
    ),
    "reference to contained of another type": (
        {**OBSERVATION, "subject": {"reference": "#o"}, "contained": [{"resourceType": "Organization", "id": "o",
         "name": "x"}]},
        [("value", "Observation.subject")],
    ),
    "reference to nothing contained": (
        {**OBSERVATION, "subject": {"reference": "#x"}}, [("invariant", "Observation.subject")]
    ),
    # Contained resources
    "contained that nobody uses": (
        {**OBSERVATION, "contained": [{"resourceType": "Patient", "id": "p"}]}, [("invariant", "Observation")]
    ),
    "contained within contained": (
        {**OBSERVATION, "subject": {"reference": "#p"}, "contained": [
            {"resourceType": "Patient", "id": "p", "managingOrganization": {"reference": "#o"},
             "contained": [{"resourceType": "Organization", "id": "o", "name": "x"}]}]},
        [("invariant", "Observation.contained[0].managingOrganization"), ("invariant", "Observation")],
    ),
    "contained with a version": (
        {**OBSERVATION, "subject": {"reference": "#p"},
         "contained": [{"resourceType": "Patient", "id": "p", "meta": {"versionId": "1"}}]},
        [("invariant", "Observation")],
    ),
    "contained is checked": (
        {**OBSERVATION, "subject": {"reference": "#p"},
         "contained": [{"resourceType": "Patient", "id": "p", "gender": "x"}]},
        [("code-invalid", "Observation.contained[0].gender")],
    ),
    "contained twice": (
        {**OBSERVATION, "subject": {"reference": "#p"},
         "contained": [{"resourceType": "Patient", "id": "p"}, {"resourceType": "Patient", "id": "p"}]},
        [("structure", "Observation.contained")],
    ),
    # Bundles
    "resource in a bundle": (
        {**BUNDLE, "entry": [{"resource": {**PATIENT, "gender": "x"}}]},
        [("code-invalid", "Bundle.entry[0].resource.gender")],
    ),
    "bundle with a total": ({**BUNDLE, "total": 1}, [("invariant", "Bundle")]),
    "request outside a transaction": (
        {**BUNDLE, "entry": [{"resource": PATIENT, "request": {"method": "POST", "url": "Patient"}}]},
        [("invariant", "Bundle")],
    ),
    "transaction without request": (
        {"resourceType": "Bundle", "type": "transaction", "entry": [{"resource": PATIENT}]}, [("invariant", "Bundle")]
    ),
    "empty entry": ({**BUNDLE, "entry": [{"fullUrl": URL}]}, [("invariant", "Bundle.entry[0]")]),
    "fullUrl of a version": (
        {**BUNDLE, "entry": [{"fullUrl": URL + "/Patient/1/_history/1", "resource": PATIENT}]},
        [("invariant", "Bundle.entry[0]")],
    ),
    "relative fullUrl": (
        {**BUNDLE, "entry": [{"fullUrl": "Patient/1", "resource": PATIENT}]}, [("invariant", "Bundle.entry[0]")]
    ),
    "the same fullUrl twice": (
        {**BUNDLE, "entry": [{"fullUrl": URL, "resource": PATIENT}, {"fullUrl": URL, "resource": PATIENT}]},
        [("invariant", "Bundle")],
    ),
    "document without a composition": (
        {"resourceType": "Bundle", "type": "document", "identifier": {"system": URL, "value": "1"},
         "timestamp": "2024-05-03T10:00:00Z", "entry": [{"resource": PATIENT}]},
        [("invariant", "Bundle")],
    ),
    # Invariants of elements, of types, of resources
    "contact without anything": (
        {**PATIENT, "contact": [{"gender": "male"}]}, [("invariant", "Patient.contact[0]")]
    ),
    "period that ends before it starts": (
        {**PATIENT, "name": [{"text": "x", "period": {"start": "2024", "end": "2023"}}]},
        [("invariant", "Patient.name[0].period")],
    ),
    "organization at home": (
        {"resourceType": "Organization", "name": "x", "telecom": [{"system": "phone", "value": "1", "use": "home"}]},
        [("invariant", "Organization.telecom[0]")],
    ),
    "comparator of a simple quantity": (
        {**OBSERVATION, "referenceRange": [{"low": {"value": 1, "comparator": "<"}}]},
        [("invariant", "Observation.referenceRange[0].low")],
    ),
    "value and reason for its absence": (
        {**OBSERVATION, "valueString": "x", "dataAbsentReason": CODE}, [("invariant", "Observation")]
    ),
    "group without items (FHIRPath)": (
        {"resourceType": "Questionnaire", "status": "draft", "item": [{"linkId": "1", "type": "group"}]},
        [("invariant", "Questionnaire.item[0]")],
    ),
    "two initial values (FHIRPath, empty result)": (
        {"resourceType": "Questionnaire", "status": "draft", "item": [{"linkId": "1", "type": "string",
         "initial": [{"valueString": "a"}, {"valueString": "b"}]}]},
        [("invariant", "Questionnaire.item[0]")],
    ),
    "link of one (FHIRPath)": (
        {"resourceType": "Linkage", "item": [{"type": "source", "resource": {"display": "x"}}]},
        [("invariant", "Linkage")],
    ),
    "maximum that is no number (FHIRPath on a primitive)": (
        {"resourceType": "StructureDefinition", "url": URL, "name": "X", "status": "draft", "kind": "resource",
         "abstract": False, "type": "Patient", "baseDefinition": URL, "derivation": "constraint",
         "differential": {"element": [{"id": "Patient", "path": "Patient", "max": "x"}]}},
        [("invariant", "StructureDefinition.differential.element[0].max")],
    ),
    "maximum of zero (FHIRPath)": (
        {"resourceType": "MessageDefinition", "status": "draft", "date": "2024", "eventUri": URL,
         "focus": [{"code": "Patient", "min": 0, "max": "0"}]},
        [("invariant", "MessageDefinition.focus[0]")],
    ),
}  # fmt: skip

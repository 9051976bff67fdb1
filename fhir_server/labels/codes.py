"""Which clinical codes make a resource sensitive, and how. Codes of CID-10 (ICD-10), the SUS table and LOINC.

The labels are those of HL7's ActCode for information sensitivity: PSY mental health, ETH substance abuse, HIV, SDV
sexual or domestic violence, GDIS genetic disease. https://terminology.hl7.org/ValueSet-v3-InformationSensitivityPolicy.html
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

PSY, ETH, HIV, SDV, GDIS = "PSY", "ETH", "HIV", "SDV", "GDIS"
SENSITIVE = (PSY, ETH, HIV, SDV, GDIS)

CID_10 = frozenset(
    (
        "http://hl7.org/fhir/sid/icd-10",
        "http://hl7.org/fhir/sid/icd-10-cm",
        "http://hl7.org/fhir/sid/icd-10-nl",
        "http://www.saude.gov.br/fhir/r4/CodeSystem/BRCID10",
        "https://terminologia.saude.gov.br/fhir/CodeSystem/BRCID10",
        "urn:oid:2.16.840.1.113883.6.3",
    )
)
"""Systems of ICD-10, of its Brazilian edition CID-10, and of national ones with the same categories."""
SUS = frozenset(
    (
        "http://www.saude.gov.br/fhir/r4/CodeSystem/BRTabelaSUS",
        "https://terminologia.saude.gov.br/fhir/CodeSystem/BRTabelaSUS",
    )
)
LOINC = frozenset(("http://loinc.org", "urn:oid:2.16.840.1.113883.6.1"))
SECTIONS = frozenset(("http://terminology.hl7.org/CodeSystem/v2-0074",))

_RANGES: tuple[tuple[str, str, str], ...] = (
    (PSY, "F00", "F09"), (ETH, "F10", "F19"), (PSY, "F20", "F99"), (PSY, "X60", "X84"),
    (HIV, "B20", "B24"), (HIV, "Z21", "Z21"), (HIV, "R75", "R75"),
    (SDV, "T74", "T74"), (SDV, "Y05", "Y07"),
    (GDIS, "D55", "D58"), (GDIS, "E70", "E72"), (GDIS, "E74", "E77"), (GDIS, "E84", "E84"), (GDIS, "G10", "G12"),
    (GDIS, "Q90", "Q99"),
)  # fmt: skip
"""Label, first and last three-character category. CID-10 chapters V, XVII, XX, XXI and what else they say."""

_SUBCATEGORIES: Mapping[str, str] = {
    "F024": HIV, "Z717": HIV, "Z206": HIV, "Z114": HIV, "O987": HIV,
    "Z714": ETH, "Z715": ETH, "Z721": ETH, "Z722": ETH, "Z864": ETH, "Z811": ETH, "Z813": ETH,
    "Z915": PSY, "Z818": PSY,
    "Z044": SDV, "Z614": SDV, "Z615": SDV, "Z616": SDV,
    "G710": GDIS, "G711": GDIS, "Z315": GDIS, "Z148": GDIS,
}  # fmt: skip
"""Four-character subcategory -> label, beside what its category says."""

_SUS: tuple[tuple[str, str], ...] = (
    (HIV, "0202030040"), (HIV, "0202030296"), (HIV, "0202030300"), (HIV, "0202031020"), (HIV, "0202031071"),
    (HIV, "0202031241"), (HIV, "0213010011"), (HIV, "0213010500"), (HIV, "0214010040"), (HIV, "0214010058"),
    (HIV, "0301050040"), (HIV, "0303130040"), (HIV, "03031800"),
    (PSY, "030108"), (PSY, "030317"),
    (ETH, "0202070077"), (ETH, "0301080364"), (ETH, "0301080372"), (ETH, "0301080380"), (ETH, "0303170158"),
    (ETH, "0303170182"),
)  # fmt: skip
"""Label and code, or what the codes of a group begin with, of the SUS table of procedures."""

LOINC_CODES: Mapping[str, str] = {
    "7917-8": HIV, "7918-6": HIV, "20447-9": HIV, "25836-8": HIV, "29893-5": HIV, "30361-0": HIV, "31201-7": HIV,
    "56888-1": HIV, "68961-2": HIV, "75622-1": HIV,
    "44249-1": PSY, "44261-6": PSY, "55758-7": PSY, "69737-5": PSY, "70274-6": PSY,
    "5640-8": ETH, "5643-2": ETH, "72109-2": ETH, "75626-2": ETH, "82667-7": ETH,
    "76499-3": SDV, "76504-0": SDV,
}  # fmt: skip
"""LOINC code -> label: tests for HIV, questionnaires on depression, anxiety, alcohol, drugs, violence at home."""


@lru_cache(maxsize=8192)
def label_of(system: str, code: str) -> tuple[str, ...]:
    """The labels that a code calls for; most call for none."""
    if system in CID_10:
        plain = code.replace(".", "").upper()
        category = plain[:3]
        found = {label for label, first, last in _RANGES if first <= category <= last}
        if plain[:4] in _SUBCATEGORIES:
            found.add(_SUBCATEGORIES[plain[:4]])
        return tuple(sorted(found))
    if system in SUS:
        return tuple(sorted({label for label, start in _SUS if code.startswith(start)}))
    if system in LOINC and code in LOINC_CODES:
        return (LOINC_CODES[code],)
    return (GDIS,) if system in SECTIONS and code == "GE" else ()

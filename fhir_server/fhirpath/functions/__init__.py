"""The table of all functions. https://hl7.org/fhirpath/N1/#functions"""

from __future__ import annotations

from fhir_server.fhirpath.functions.boundaries import BOUNDARIES
from fhir_server.fhirpath.functions.clock import CLOCK
from fhir_server.fhirpath.functions.conversion import CONVERSION
from fhir_server.fhirpath.functions.existence import EXISTENCE
from fhir_server.fhirpath.functions.fhir import FHIR
from fhir_server.fhirpath.functions.mathematics import MATHEMATICS
from fhir_server.fhirpath.functions.patterns import PATTERNS
from fhir_server.fhirpath.functions.projection import PROJECTION
from fhir_server.fhirpath.functions.signature import Function
from fhir_server.fhirpath.functions.strings import STRINGS
from fhir_server.fhirpath.functions.subsets import SUBSETS
from fhir_server.fhirpath.functions.typing import TYPING

FUNCTIONS: dict[str, Function] = {
    **EXISTENCE,
    **PROJECTION,
    **SUBSETS,
    **TYPING,
    **CONVERSION,
    **STRINGS,
    **PATTERNS,
    **MATHEMATICS,
    **BOUNDARIES,
    **CLOCK,
    **FHIR,
}

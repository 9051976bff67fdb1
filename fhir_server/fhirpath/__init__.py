"""FHIRPath over parsed JSON, compiled to closures. https://hl7.org/fhirpath/N1/, https://hl7.org/fhir/R4/fhirpath.html

`compile_expression(text)` gives an `Expression` with `evaluate` (JSON values), `nodes` (with their types) and `holds`
(a condition). Numbers with a fraction must be `Decimal`, as `mappings.r4.parse` makes them.
"""

from __future__ import annotations

from fhir_server.fhirpath.errors import FhirPathError
from fhir_server.fhirpath.expression import Expression, compile_expression, element_node
from fhir_server.fhirpath.nodes import Node
from fhir_server.fhirpath.quantity import Quantity
from fhir_server.fhirpath.temporal import Temporal

__all__ = ["Expression", "FhirPathError", "Node", "Quantity", "Temporal", "compile_expression", "element_node"]

"""Security labels that the server gives: what must not be seen by everybody who sees the rest. https://hl7.org/fhir/R4/security-labels.html"""

"""The parts of the transaction interaction, by subject. https://hl7.org/fhir/R4/http.html#transaction"""

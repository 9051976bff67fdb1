"""Which codes a ValueSet has and how the codes of a CodeSystem stand to each other. https://hl7.org/fhir/R4/terminology-module.html"""

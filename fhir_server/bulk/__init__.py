"""Bulk Data: export and import of many resources. https://hl7.org/fhir/uv/bulkdata/"""

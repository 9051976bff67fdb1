"""Bulk Data: export and import of many resources as NDJSON. https://hl7.org/fhir/uv/bulkdata/"""

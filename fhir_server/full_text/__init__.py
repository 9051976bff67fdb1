"""`_text` and `_content`: which words a resource has, and how the table of them follows the record. https://hl7.org/fhir/R4/search.html#content"""

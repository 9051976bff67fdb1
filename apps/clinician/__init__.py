"""The clinician's view of one patient: a SMART app. https://hl7.org/fhir/smart-app-launch/"""

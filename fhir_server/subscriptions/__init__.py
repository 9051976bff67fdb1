"""Subscriptions: changes are matched, counted and told. https://hl7.org/fhir/R4/subscription.html"""

"""The audit trail: who did what to which resource. https://hl7.org/fhir/R4/auditevent.html

`trail` collects while a request runs, `intake` stores its event before the answer is sent (with what it wrote, in one
transaction), `sealing` chains events into batches, `find` and `resource` show them as AuditEvents;
`chain` finds tampering.
"""

"""Events: a version that a care service listens to, on its way there; at least once, in order for each patient.

`subscriptions/outbox.py` hands versions over to the table `event`; `waiting.py` reads them from there, `delivery.py`
has a service do with one what it does, once. An event is a versioned reference and its interaction: no health data.
"""

"""The process that takes events from the record to care services, through RabbitMQ or without it.

```
run.py         the process: what is started, what is begun again
publishing.py  from the table `event` to the broker, or to `event_delivery` where there is none
consuming.py   from the broker to services
due.py         from `event_delivery` to services
dead.py        what is left to people, and what they send again
topology.py    exchanges and queues
```
"""

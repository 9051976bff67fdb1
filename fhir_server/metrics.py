"""Requests counted and timed for Prometheus. https://prometheus.io/docs/practices/naming/"""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Histogram

BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Metrics:
    """Counts by interaction, type and status; seconds by interaction. Labels are names, never ids or values."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._requests = Counter(
            "fhir_requests", "FHIR requests answered", ("interaction", "type", "status"), registry=registry
        )
        self._seconds = Histogram(
            "fhir_request_seconds", "Time to answer", ("interaction",), registry=registry, buckets=BUCKETS
        )
        # Finding a labelled child costs more than counting on it.
        self._counters: dict[tuple[str, str, int], Counter] = {}
        self._timers: dict[str, Histogram] = {}

    def observe(self, interaction: str, resource_type: str, status: int, seconds: float) -> None:
        """One request answered."""
        key = (interaction, resource_type, status)
        counter = self._counters.get(key)
        if counter is None:
            counter = self._counters[key] = self._requests.labels(interaction, resource_type, str(status))
        counter.inc()
        timer = self._timers.get(interaction)
        if timer is None:
            timer = self._timers[interaction] = self._seconds.labels(interaction)
        timer.observe(seconds)

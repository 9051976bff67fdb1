"""What Prometheus is told."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, generate_latest

from fhir_server.metrics import Metrics


def test_requests_are_counted_and_timed() -> None:
    registry = CollectorRegistry()
    metrics = Metrics(registry)
    for status in (200, 200, 404):
        metrics.observe("read", "Patient", status, 0.002)
    text = generate_latest(registry).decode()
    assert 'fhir_requests_total{interaction="read",status="200",type="Patient"} 2.0' in text
    assert 'fhir_requests_total{interaction="read",status="404",type="Patient"} 1.0' in text
    assert 'fhir_request_seconds_count{interaction="read"} 3.0' in text
    assert 'fhir_request_seconds_bucket{interaction="read",le="0.001"} 0.0' in text

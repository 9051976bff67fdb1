"""Admission: counts down again, whatever happened, and never refuses a lone request."""

from __future__ import annotations

import pytest

from fhir_server.admission import Admission, Busy


def test_requests_beyond_the_limit_are_refused_until_one_ends() -> None:
    admission = Admission(2, 100)
    with admission.admit(0):
        with admission.admit(0), pytest.raises(Busy), admission.admit(0):
            pass
        with admission.admit(0):
            pass


def test_bytes_beyond_the_limit_are_refused_unless_alone() -> None:
    admission = Admission(10, 100)
    with admission.admit(1000), pytest.raises(Busy), admission.admit(1):
        pass
    with admission.admit(60), pytest.raises(Busy), admission.admit(60):
        pass


def test_a_failed_request_gives_its_place_back() -> None:
    admission = Admission(1, 100)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError), admission.admit(50):
            raise ZeroDivisionError

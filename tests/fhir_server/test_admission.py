"""Admission: counts down again, whatever happened, and never refuses a lone request."""

from __future__ import annotations

import contextlib

import pytest

from fhir_server.admission import Admission, Busy


def test_requests_beyond_the_limit_are_refused_until_one_ends() -> None:
    admission = Admission(2, 100)
    with admission.place(0) as first:
        first.begin()
        with admission.place(0) as second:
            second.begin()
            with pytest.raises(Busy), admission.place(0):
                pass
        with admission.place(0) as third:
            third.begin()


def test_bytes_beyond_the_limit_are_refused_unless_alone() -> None:
    admission = Admission(10, 100)
    with admission.place(1000), pytest.raises(Busy), admission.place(1):
        pass
    with admission.place(60), pytest.raises(Busy), admission.place(60):
        pass


def test_requests_whose_bodies_are_still_to_come_take_nobody_s_place() -> None:
    admission = Admission(1, 100)
    with admission.place(10) as slow, admission.place(10) as slower:
        with admission.place(0) as quick:
            quick.begin()
        slow.begin()
        with pytest.raises(Busy):
            slower.begin()
    with admission.place(0) as later:
        later.begin()


def test_a_failed_request_gives_its_place_back() -> None:
    admission = Admission(1, 100)
    for _ in range(3):
        with contextlib.suppress(ZeroDivisionError), admission.place(50) as place:
            place.begin()
            raise ZeroDivisionError

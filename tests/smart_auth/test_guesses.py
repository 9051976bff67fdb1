"""Waits grow to 15 minutes and are forgotten after a day."""

from __future__ import annotations

from sqlalchemy import Engine

from smart_auth import guesses, sweep


def test_waits(tables: Engine) -> None:
    now, waits = 1_000_000, []
    with tables.begin() as connection:
        for _ in range(20):
            waits.append(guesses.wait(connection, "login", "a", now))
            if waits[-1]:
                now += waits[-1]
                assert guesses.wait(connection, "login", "a", now) == 0
        assert waits[:5] == [0] * 5
        assert waits[5:15] == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512]
        assert waits[15:] == [900] * 5
        assert guesses.wait(connection, "login", "b", now) == 0
        assert guesses.wait(connection, "device", "a", now) == 0
        assert guesses.wait(connection, "login", "a", now) == 900
        guesses.forget(connection, "login", "a")
        assert [guesses.wait(connection, "login", "a", now) for _ in range(6)] == [0] * 5 + [1]
        later = now + guesses.FORGOTTEN + 2
        assert [guesses.wait(connection, "login", "a", later) for _ in range(6)] == [0] * 5 + [1]
        sweep.sweep(connection, later + guesses.FORGOTTEN + 2)
        assert connection.exec_driver_sql("select count(*) from auth.guess").scalar_one() == 0

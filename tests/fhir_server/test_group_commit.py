"""Writes share commits: a lone one goes at once, what comes meanwhile goes together, one that waits holds up nobody."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from fhir_server import group_commit
from fhir_server.group_commit import GroupCommit
from fhir_server.version import Change, Version
from fhir_server.write import Write


def write(rid: int) -> Write:
    version = Version("Patient", str(rid), rid, 1, 0, "POST", b"{}")
    return Write(Change("Patient", str(rid), "POST", {}, None), version, {}, {}, set())


class Commits:
    """Notes the groups; those that hold a rid of `held` wait for the gate."""

    def __init__(self, held: Sequence[int] = (), refused: Sequence[int] = ()) -> None:
        self.groups: list[list[int]] = []
        self.gate = asyncio.Event()
        self._held, self._refused = set(held), set(refused)

    async def __call__(self, writes: Sequence[Write]) -> None:
        rids = [one.version.rid for one in writes]
        self.groups.append(rids)
        if self._held.intersection(rids):
            await self.gate.wait()
        await asyncio.sleep(0)
        if self._refused.intersection(rids):
            raise ValueError(rids)


async def test_what_comes_while_a_group_is_under_way_makes_the_next() -> None:
    commits = Commits(held=[1])
    groups = GroupCommit(commits)
    first = asyncio.create_task(groups.write(write(1)))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert commits.groups == [[1]], "a lone write goes at once"
    rest = [asyncio.create_task(groups.write(write(rid))) for rid in (2, 3, 3, 4)]
    await asyncio.sleep(0)
    commits.gate.set()
    assert [version.rid for version in await asyncio.gather(first, *rest)] == [1, 2, 3, 3, 4]
    assert commits.groups == [[1], [2, 3, 4], [3]], "two writes of one resource are never in one group"


async def test_one_that_takes_long_holds_up_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_commit, "PATIENCE", 0.01)
    commits = Commits(held=[1, 2, 3])
    groups = GroupCommit(commits, slots=4)
    blocked = []
    for rid in (1, 2, 3):
        blocked.append(asyncio.create_task(groups.write(write(rid))))
        await asyncio.sleep(0.05)
    async with asyncio.timeout(5):
        assert (await groups.write(write(4))).rid == 4
    assert not any(task.done() for task in blocked)
    commits.gate.set()
    await asyncio.gather(*blocked)
    assert commits.groups == [[1], [2], [3], [4]]


async def test_each_fails_for_itself() -> None:
    commits = Commits(held=[1], refused=[5])
    groups = GroupCommit(commits)
    tasks = [asyncio.create_task(groups.write(write(rid))) for rid in range(1, 10)]
    await asyncio.sleep(0)
    commits.gate.set()
    found = await asyncio.gather(*tasks, return_exceptions=True)
    assert [rid for rid, one in enumerate(found, 1) if isinstance(one, ValueError)] == [5]


async def test_a_write_that_comes_as_the_work_ends_is_not_forgotten() -> None:
    """Whenever it comes, turn by turn of the loop."""
    for turns in range(8):
        groups = GroupCommit(Commits())
        first = asyncio.create_task(groups.write(write(1)))
        for _ in range(turns):
            await asyncio.sleep(0)
        async with asyncio.timeout(5):
            assert (await groups.write(write(2))).rid == 2
        await first

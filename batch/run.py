"""A set from its `.done` to its receipt. Tasy contract, 10.

fetch and verify -> its turn -> journal -> guards -> Bundles -> lines that could not be applied become messages ->
receipt -> archive. What is done is in PostgreSQL before the next step begins: a run that was killed goes on, and its
end is that of an undisturbed one.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from batch import again, answers, ledger, plans, report, unpack
from batch.apply import apply, chosen, end_absent
from batch.chain import Turn, turn
from batch.entities import CODES, entity
from batch.faults import CODES as REASONS
from batch.faults import SetRefused
from batch.ledger import Connection, Counts, State
from batch.names import SetName
from batch.parts import ACTOR, Parts
from batch.receipt import Rejected, receipt, rejected
from batch.reconcile import reconcile, sealed_proposals
from batch.scan import Opened, scan, tripped
from batch.source import Source
from batch.unpack import Announced
from messages import runs, store
from messages.runs import Run
from messages.states import State as Message

FLOW_LOCK = 4_611_686_018_427_387_880
"""Advisory lock of whoever works on B-1; the next three are those of B-2 to B-4."""
MANY = 200
COMPARED = "RECONCILIACAO"
"""The flow of which nothing is applied."""


class FlowBusy(Exception):
    """Another process works on this flow."""


class Outcome(NamedTuple):
    """What became of a set."""

    name: SetName
    state: str
    """Of its run."""
    counts: Counts | None = None
    told: str = ""
    """Why it was not applied."""


async def sync(parts: Parts, source: Source, flow: str) -> list[Outcome]:
    """Applies the sets of a flow that are there, in their order; what became of each.

    flow: as in names of files. Raises FlowBusy, PartnerUnavailable: what was begun goes on with the next call.
    """
    async with _alone(parts.connection, flow):
        outcomes = []
        for name in source.sets():
            if name.flow == flow:
                folder = unpack.private(parts.folder / str(name))
                outcome = await _set(parts, source, name, folder)
                if outcome.state not in (runs.HELD, runs.WAITING):
                    unpack.clear(folder)
                outcomes.append(outcome)
        answers.deliver(parts, source)
        again.due_now(parts, CODES[flow])
        await again.work(parts)
        return outcomes


@asynccontextmanager
async def _alone(connection: Connection, flow: str) -> AsyncIterator[None]:
    key = FLOW_LOCK + list(CODES).index(flow)
    row = connection.execute("select pg_try_advisory_lock(%s)", [key]).fetchone()
    if not row or not row[0]:
        raise FlowBusy(f"another process works on {CODES[flow]}")
    try:
        yield
    finally:
        if not connection.closed:
            connection.execute("select pg_advisory_unlock(%s)", [key])


async def _set(parts: Parts, source: Source, name: SetName, folder: Path) -> Outcome:
    connection, flow = parts.connection, CODES[name.flow]
    try:
        announced = unpack.announced(source, parts.keyring, name, folder)
    except SetRefused as error:
        return _untrusted(parts, source, name, error)
    hash = bytes.fromhex(announced.hash)
    manifest = announced.manifest
    run, _ = runs.begin(
        connection, flow, str(name), hash, parts.now(), sequence=manifest.nr_sequencia_fluxo, mode=manifest.modo,
        state=runs.WAITING,
    )  # fmt: skip
    if run.state in (runs.APPLIED, runs.REFUSED):
        return _again(parts, source, announced, run)
    if run.state == runs.HELD:
        return Outcome(name, runs.HELD, told="espera a decisão de uma pessoa")
    if run.state != runs.RUNNING:
        begun = runs.listed(connection, flow=flow, states=[runs.RUNNING, runs.HELD])
        used = {one.sequence: one.manifest_hash.hex() for one in begun if one.sequence is not None}
        decision = turn(manifest, announced.hash, runs.answered(connection, flow) | used)
        if decision in (Turn.REFUSE, Turn.OUTDATED):
            code = "HUB-B105" if decision is Turn.REFUSE else "HUB-B107"
            return _refused(parts, source, announced, run, SetRefused(code, "nr_sequencia_fluxo"))
        if decision is Turn.WAIT or begun:
            return Outcome(name, runs.WAITING, told="espera o conjunto anterior")
        runs.resume(connection, run.id)
    try:
        return await _carried_out(parts, source, announced, run, folder)
    except SetRefused as error:
        return _refused(parts, source, announced, run, error)


async def _carried_out(parts: Parts, source: Source, announced: Announced, run: Run, folder: Path) -> Outcome:
    """Raises SetRefused, PartnerUnavailable."""
    connection, manifest = parts.connection, announced.manifest
    opened = unpack.unpack(source, parts.keyring, announced, folder, partial(parts.progress, "bytes"))
    if manifest.fluxo == COMPARED:
        return await _compared(parts, source, announced, run.id, opened)
    if not ledger.scanned(connection, run.id):
        with connection.transaction():
            scan(connection, run.id, manifest, opened, parts.site)
            guards = [] if run.decided_by else tripped(connection, run.id, manifest)
            if guards:
                ledger.forget(connection, run.id)  # until a person has decided others may have changed what it says
                runs.hold(connection, run.id, [runs.Guard(one.name, one.text) for one in guards])
                answers.held(parts, announced, run.id)
        if guards:
            answers.deliver(parts, source)
            return Outcome(announced.name, runs.HELD, told="; ".join(one.text for one in guards))
    await _apply(parts, run.id, manifest.fluxo, opened)
    return _finish(parts, source, announced, run.id, opened)


async def _compared(parts: Parts, source: Source, announced: Announced, run: int, opened: Sequence[Opened]) -> Outcome:
    """B-4: reports for people, proposals for the ERP's team. Raises SetRefused, PartnerUnavailable."""
    found = await reconcile(parts, announced.manifest, opened)
    comparison, name, now = found.comparison, announced.name, parts.now()
    proposals = name.file("Propostas")
    sealed = sealed_proposals(parts, report.proposals(comparison), proposals, announced.signer)
    source.answer(proposals, sealed)
    made = receipt(announced.manifest, announced.hash, found.received, found.rejects, 0, parts.local())
    with parts.connection.transaction():
        for file, kind, body in (
            (f"{name}.html", "text/html; charset=utf-8", report.as_html(comparison, name)),
            (f"{name}.csv", "text/csv; charset=utf-8", report.as_csv(comparison)),
        ):
            runs.keep(parts.connection, parts.sealing, run, runs.Report(file, kind, body))
        answers.keep(parts, run, name, made)
        rejected_ = len(found.rejects)
        runs.count(
            parts.connection, run, received=found.received, accepted=found.received - rejected_, rejected=rejected_
        )
        told = report.summary(comparison)
        runs.finish(
            parts.connection, run, runs.APPLIED, now, guards=[runs.Guard("differences", told)], receipt=made.encoded()
        )
    answers.put_away(parts, source, name, run)
    return Outcome(name, runs.APPLIED, Counts(found.received, 0, found.received - rejected_, rejected_, 0), told)


async def _apply(parts: Parts, run: int, flow: str, opened: Sequence[Opened]) -> None:
    """All lines that are due, then those again that waited for later ones of the set."""
    told = partial(parts.progress, "lines")
    for state in (State.DUE, State.PARKED):
        for number, one in enumerate(opened):
            kind = entity(flow, one.file.ds_recurso)
            prepared = partial(plans.entries, parts.client) if kind is not None and kind.versioned else None
            await apply(
                parts.connection,
                parts.client,
                run,
                number,
                one,
                flow,
                parts.site,
                state=state,
                told=told,
                prepared=prepared,
            )
        if state is State.DUE:
            await end_absent(parts.connection, parts.client, run, flow, told)


def _finish(parts: Parts, source: Source, announced: Announced, run: int, opened: Sequence[Opened]) -> Outcome:
    """Lines that were not applied become messages, the run is over, and its receipt is on its way."""
    connection, now = parts.connection, parts.now()
    with connection.transaction():
        counts = ledger.counts(connection, run)
        rejects = _noted(parts, run, announced, opened)
        made = receipt(announced.manifest, announced.hash, counts.received, rejects, counts.parked, parts.local())
        answers.keep(parts, run, announced.name, made)
        runs.count(
            connection, run, received=counts.received, accepted=counts.accepted, rejected=counts.rejected,
            in_review=counts.parked, unchanged=counts.unchanged,
        )  # fmt: skip
        runs.finish(connection, run, runs.APPLIED, now, receipt=made.encoded())
        ledger.forget(connection, run)
    answers.put_away(parts, source, announced.name, run)
    return Outcome(announced.name, runs.APPLIED, counts)


def _noted(parts: Parts, run: int, announced: Announced, opened: Sequence[Opened]) -> list[Rejected]:
    """Stores the lines that were not applied as messages; the rejected ones, for the receipt."""
    flow, rejects = CODES[announced.manifest.fluxo], list[Rejected]()
    for state, then in ((State.REJECTED, Message.MORTA), (State.PARKED, Message.ESTACIONADA)):
        for number, one in enumerate(opened):
            found: list[store.Incoming] = []
            for entry, raw in chosen(one, ledger.entries(parts.connection, run, number, state)):
                assert entry.fault is not None  # what is not applied has a reason
                kind, id = entry.targets[0]
                code, element = entry.fault
                if state is State.REJECTED:
                    rejects.append(rejected(one.file.nm_arquivo, entry.number, id, code))
                found.append(
                    store.Incoming(
                        flow, f"{one.file.nm_arquivo}:{entry.number}", raw, run=run, then=(then,),
                        order_key=f"{kind}/{id}" if kind and id else None, due=parts.now() + again.LOOK,
                        fault=store.Fault(code, REASONS[code], element),
                    )
                )  # fmt: skip
                if len(found) >= MANY:
                    store.receive_many(parts.connection, parts.sealing, found, ACTOR, parts.now())
                    found.clear()
            if found:
                store.receive_many(parts.connection, parts.sealing, found, ACTOR, parts.now())
    return rejects


def _again(parts: Parts, source: Source, announced: Announced, first: Run) -> Outcome:
    """A set that was answered: its first receipt once more, or, where a person refused it meanwhile, that.

    Where it was only not put away yet, that is done.
    """
    state, run = first.state, first.id
    with parts.connection.transaction():
        if state == runs.REFUSED and first.decided_by and answers.was_held(parts, run):
            runs.keep_receipt(parts.connection, run, answers.turned_down(parts, announced, run).encoded())
        elif answers.is_away(parts, run):
            state, run = runs.DUPLICATE, runs.again(parts.connection, first, str(announced.name), parts.now())
            answers.repeat(parts, announced, first, run)
    answers.put_away(parts, source, announced.name, run)
    return Outcome(announced.name, state)


def _refused(parts: Parts, source: Source, announced: Announced, run: Run, error: SetRefused) -> Outcome:
    """A set of which nothing is applied."""
    now = parts.now()
    with parts.connection.transaction():
        ledger.forget(parts.connection, run.id)
        made = answers.turned_down(parts, announced, run.id, error.code)
        runs.finish(
            parts.connection, run.id, runs.REFUSED, now, guards=[runs.Guard(error.code, str(error))],
            receipt=made.encoded(),
        )  # fmt: skip
    answers.put_away(parts, source, announced.name, run.id)
    return Outcome(announced.name, runs.REFUSED, told=str(error))


def _untrusted(parts: Parts, source: Source, name: SetName, error: SetRefused) -> Outcome:
    """A set whose manifest is not known to be the partner's: nobody is answered; it is looked at again next time."""
    # Not the hash of the manifest alone: with the right signature it is another set.
    hash = sha256(str(name).encode() + (source.small(name.manifest) or b"")).digest()
    run, _ = runs.begin(parts.connection, CODES[name.flow], str(name), hash, parts.now(), state=runs.WAITING)
    if run.state == runs.WAITING:
        runs.finish(parts.connection, run.id, runs.FAILED, parts.now(), guards=[runs.Guard(error.code, str(error))])
    return Outcome(name, runs.FAILED, told=str(error))

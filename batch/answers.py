"""Receipts on their way: stored with the run they are about, sent until the partner has them. Tasy contract, 10.2."""

from __future__ import annotations

import msgspec

from batch.faults import CODES
from batch.names import SetName
from batch.parts import Parts
from batch.receipt import Receipt, Rejected, refused
from batch.source import Source
from batch.unpack import Announced
from messages import runs
from messages.runs import Run

SUFFIX = "_recibo.json"


def keep(parts: Parts, run: int, name: SetName, made: Receipt) -> None:
    """Stores a receipt to be sent; what was to be sent of this run before is replaced."""
    parts.connection.execute(
        "insert into batch.receipt (run_id, name, body) values (%s, %s, %s)"
        " on conflict (run_id) do update set body = excluded.body, sent = false",
        [run, f"{name}{SUFFIX}", made.encoded()],
    )  # fmt: skip


def held(parts: Parts, announced: Announced, run: int) -> None:
    """Says that a set waits for a person."""
    lines = sum(one.qt_registros for one in announced.manifest.arquivos)
    made = refused(announced.manifest, announced.hash, lines, parts.local(), held=True)
    keep(parts, run, announced.name, made)
    runs.keep_receipt(parts.connection, run, made.encoded())


def put_away(parts: Parts, source: Source, name: SetName, run: int) -> None:
    """Sends what is due, then moves the set to the archive. Raises PartnerUnavailable."""
    deliver(parts, source)
    source.archive(name)
    parts.connection.execute("update batch.receipt set archived = true where run_id = %s", [run])


def is_away(parts: Parts, run: int) -> bool:
    """Whether the set of a run was put away; if not, it was interrupted before."""
    row = parts.connection.execute("select archived from batch.receipt where run_id = %s", [run]).fetchone()
    return row is None or bool(row[0])


def was_held(parts: Parts, run: int) -> bool:
    """Whether the last that was said of a run is that it waits for a person."""
    body = runs.receipt(parts.connection, run)
    return body is not None and msgspec.json.decode(body, type=Receipt).cd_resultado == "RETIDO"


def turned_down(parts: Parts, announced: Announced, run: int, code: str | None = None) -> Receipt:
    """Says that nothing of a set is applied; code: why, None where a person decided so."""
    lines = sum(one.qt_registros for one in announced.manifest.arquivos)
    made = refused(announced.manifest, announced.hash, lines, parts.local())
    if code is not None:
        made = msgspec.structs.replace(
            made, rejeitos=[Rejected(announced.name.manifest, 0, None, code, CODES[code], "S")]
        )
    keep(parts, run, announced.name, made)
    return made


def repeat(parts: Parts, announced: Announced, first: Run, run: int) -> None:
    """Says of a set that came again what was said first. run: that in which it came again."""
    body = runs.receipt(parts.connection, first.id)
    assert body is not None  # it was answered
    made = msgspec.structs.replace(msgspec.json.decode(body, type=Receipt), cd_resultado="DUPLICADO")
    keep(parts, run, announced.name, made)
    runs.keep_receipt(parts.connection, run, made.encoded())


def deliver(parts: Parts, source: Source) -> None:
    """Signs and sends the receipts that are due. Raises PartnerUnavailable: the next call sends them."""
    rows = parts.connection.execute("select run_id, name, body from batch.receipt where not sent order by run_id")
    for run, name, body in rows.fetchall():
        path = parts.folder / name
        path.write_bytes(body)
        signature = parts.keyring.sign(path, signer=parts.signer)
        path.unlink()
        source.answer(f"{name}.asc", signature)
        source.answer(name, body)
        parts.connection.execute("update batch.receipt set sent = true where run_id = %s", [run])

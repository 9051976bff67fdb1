"""Carries an export out: a snapshot of the record into files, one type each. https://hl7.org/fhir/uv/bulkdata/export.html"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from zstandard import ZstdError

from fhir_server.access import visible
from fhir_server.bulk.files import File, Files
from fhir_server.bulk.order import GROUP, SYSTEM, ExportOrder, possible_types
from fhir_server.bulk.selection import counts, deletions, patient_rids, selection
from fhir_server.bulk.snapshot import Snapshot, snapshot
from fhir_server.compression import decompress
from fhir_server.encryption.keys import CannotOpen
from fhir_server.outcome import Issue, operation_outcome
from fhir_server.resource_types import RESOURCE_TYPES, TYPE_ID
from fhir_server.statement import Parameters
from fhir_server.summary import apply
from mappings.r4 import MalformedJson, parse, serialize
from smart_auth.scopes import Access

BUNDLE_ENTRIES = 100
"""Deletions told in one Bundle."""

Progress = Callable[[int, int], None]
"""Told resources written and expected in all; may raise to end the work."""


class GroupGone(Exception):
    """The Group was deleted since the export was asked for."""


@dataclass(slots=True)
class Exported:
    """What an export wrote."""

    transaction_time: int
    output: list[File] = field(default_factory=list)
    deleted: list[File] = field(default_factory=list)
    error: list[File] = field(default_factory=list)


def run_export(
    conninfo: str, order: ExportOrder, access: Access, base: str, folder: Path, now: int, progress: Progress
) -> Exported:
    """Writes the files into an empty folder. Raises GroupGone, psycopg.Error, OSError, and what `progress` raises."""
    with snapshot(conninfo, now) as view:
        exported = Exported(view.transaction_time)
        patients = _patients(view, order, access)
        there = {RESOURCE_TYPES[type_id - 1]: count for type_id, count in view.all(counts(order, access))}
        types = [name for name in _types(order) if name in there]
        done, total = 0, sum(there[name] for name in types)
        errors = Files(folder, "OperationOutcome", "errors")
        told = [Issue("not-supported", text, severity="warning") for text in order.ignored]
        errors.write([serialize(operation_outcome([issue])) for issue in told])
        for name in types:
            lines = Files(folder, name, name, order.format)
            for rows in view.rows(selection(order, name, patients, access, base)):
                lines.write(_bodies(rows, name, order, errors))
                done += len(rows)
                progress(done, total)
            lines.close()
            exported.output += lines.files
            if order.level != SYSTEM or order.filters:
                total -= there[name] - sum(file.count for file in lines.files)  # the rest was not meant
        if order.since is not None and order.level == SYSTEM:
            exported.deleted = _deleted(view, order, access, folder)
        errors.close()
        exported.error = errors.files
    return exported


def _types(order: ExportOrder) -> list[str]:
    chosen = order.types or possible_types(order.level)
    return [name for name in RESOURCE_TYPES if name in chosen]


def _bodies(rows: Iterable[tuple[str, bytes]], name: str, order: ExportOrder, errors: Files) -> list[bytes]:
    """The lines of some rows; of one that cannot be read an error instead."""
    if not order.elements:
        try:
            return [decompress(body) for _, body in rows]
        except (ZstdError, CannotOpen):
            pass
    found = []
    for id, body in rows:
        try:
            line = decompress(body)
            if order.elements:
                wanted = [one for one in order.elements if one.rpartition(".")[0] in ("", name)]
                line = serialize(apply(parse(line), None, wanted or ["id"])) if order.elements else line
        except (ZstdError, CannotOpen, MalformedJson):
            issue = Issue("exception", f"{name}/{id} cannot be read from the database")
            errors.write([serialize(operation_outcome([issue]))])
        else:
            found.append(line)
    return found


def _patients(view: Snapshot, order: ExportOrder, access: Access) -> list[int] | None:
    """rids of the patients whose resources are exported; None: all."""
    if order.level == SYSTEM or (order.level != GROUP and not order.patients):
        return None
    ids = set(order.patients)
    if order.level == GROUP:
        members = _members(view, order.group or "", access)
        ids = ids & members if ids else members
    return [rid for _, rid in view.all(patient_rids(sorted(ids), access))]


def _members(view: Snapshot, group: str, access: Access) -> set[str]:
    parameters = Parameters()
    id = parameters.add(group, "text")
    statement = parameters.statement(
        f"select r.body from resource r where r.type_id = {TYPE_ID['Group']} and r.fhir_id = {id}"
        f" and {visible(access, 'r', parameters)}"
    )
    for (body,) in view.all(statement):
        if body is not None:
            return members(parse(decompress(body)))
    raise GroupGone


def members(group: dict[str, object]) -> set[str]:
    """Ids of the Patients that are members of a Group now."""
    found = set()
    listed = group.get("member")
    for member in listed if isinstance(listed, list) else []:
        reference = member.get("entity", {}).get("reference", "")
        kind, _, id = reference.partition("/_history/")[0].rpartition("/")
        if kind.rpartition("/")[2] == "Patient" and not member.get("inactive", False):
            found.add(id)
    return found


def _deleted(view: Snapshot, order: ExportOrder, access: Access, folder: Path) -> list[File]:
    """Files of Bundles that tell what was deleted."""
    lines = Files(folder, "Bundle", "deleted")
    entries: list[dict[str, object]] = []

    def flush() -> None:
        if entries:
            lines.write([serialize({"resourceType": "Bundle", "type": "transaction", "entry": list(entries)})])
            entries.clear()

    chosen = set(_types(order))
    for rows in view.rows(deletions(order, access)):
        for type_id, id in rows:
            name = RESOURCE_TYPES[type_id - 1]
            if name in chosen:
                entries.append({"request": {"method": "DELETE", "url": f"{name}/{id}"}})
            if len(entries) == BUNDLE_ENTRIES:
                flush()
    flush()
    lines.close()
    return lines.files

"""Cases of mappings, shown to the people who write them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console, Group
from rich.panel import Panel
from rich.syntax import Syntax
from rich.table import Column, Table
from rich.text import Text

from fhir_server.validation import validate
from mappings import case, r4
from mappings.tasy.site import Site


class NoCase(Exception):
    """A path that is no case; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A case that was mapped."""

    path: Path
    entity: str
    source: str
    found: case.Outcome
    invalid: list[str]
    """What is not valid FHIR R4: element and reason."""
    differs: list[str] | None
    """Lines of a diff; None where nobody has said what is expected."""

    @property
    def as_expected(self) -> bool:
        return self.differs == [] and not self.invalid


def show(paths: Sequence[Path], entity: str | None, accept: bool, console: Console | None = None) -> bool:
    """Shows cases: one with all its parts, several as a table. Whether all are as expected. Raises NoCase."""
    console = console or Console()
    shown = []
    for path in _cases(paths):
        one = _mapped(path, entity)
        if accept:
            path.with_suffix(".expected.json").write_text(case.text(one.found.document()), "utf-8")
            one = _mapped(path, entity)
        shown.append(one)
    if len(shown) == 1:
        console.print(_parts(shown[0]))
    else:
        console.print(_table(shown))
        for one in shown:
            if not one.as_expected:
                console.print(_difference(one))
    return all(one.as_expected for one in shown)


def _cases(paths: Sequence[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            found = case.sources(path)
            if not found:
                raise NoCase(f"{path}: a folder without cases (hub map --help says what one is)")
            yield from found
        elif path.is_file():
            yield path
        else:
            raise NoCase(f"{path}: no such file")


def _mapped(path: Path, entity: str | None) -> Shown:
    entity = entity or path.parent.name
    if entity not in case.ENTITIES:
        raise NoCase(f"{path}: what is it? None of {', '.join(sorted(case.ENTITIES))}; say --as ENTITY")
    source = path.read_bytes()
    try:
        found = case.outcome(entity, source, case.beside(path), Site())
    except r4.MalformedJson as error:
        raise NoCase(f"{path.with_suffix('.with.json')}: {error}") from error
    except KeyError as error:
        raise NoCase(
            f"{path.with_suffix('.with.json')}: a mapping of {entity} needs {error} beside its source"
        ) from error
    invalid = [
        f"{', '.join(issue.expression) or resource['resourceType']}: {issue.diagnostics}"
        for resource in found.result
        if "resourceType" in resource
        for issue in validate(resource)
        if issue.severity == "error"
    ]
    expected = path.with_suffix(".expected.json")
    differs = case.difference(expected.read_text("utf-8"), case.text(found.document())) if expected.exists() else None
    text = source.decode("iso-8859-1" if path.suffix == ".xml" else "utf-8", "replace")
    return Shown(path, entity, text, found, invalid, differs)


def _parts(one: Shown) -> Group:
    found = one.found
    parts = [Panel(Syntax(one.source, one.path.suffix[1:], word_wrap=True), title=f"{one.path} ({one.entity})")]
    if found.error:
        parts.append(Panel(Text(f"{found.error['element']}: {found.error['reason']}", "red"), title="cannot be mapped"))
    else:
        parts.append(Panel(Syntax(case.text(found.result), "json", word_wrap=True), title="result"))
    if found.faults:
        table = Table("element", "kind", "reason", expand=True)
        for fault in found.faults:
            table.add_row(fault["element"], fault["code"], fault["reason"])
        parts.append(Panel(table, title="faults: what a person should look at"))
    parts.append(_difference(one))
    return Group(*parts)


def _difference(one: Shown) -> Panel:
    lines: list[Text] = [Text(f"not valid FHIR R4: {line}", "red") for line in one.invalid]
    if one.differs is None:
        lines.append(Text("Nobody has said what is expected: hub map --accept writes it as it is now.", "yellow"))
    elif not one.differs:
        lines.append(Text("as expected", "green"))
    else:
        colours = {"+": "green", "-": "red", "@": "cyan"}
        lines += [Text(line, colours.get(line[0], "")) for line in one.differs]
    return Panel(Group(*lines), title=f"{one.path.parent.name}/{one.path.name}: difference")


def _table(shown: Sequence[Shown]) -> Table:
    table = Table(Column("case", overflow="fold"), "becomes", "faults", "as expected")
    for one in shown:
        kinds = ", ".join(dict.fromkeys(resource.get("resourceType", "a request") for resource in one.found.result))
        verdict = "not yet said" if one.differs is None else "yes" if one.as_expected else "no"
        table.add_row(
            f"{one.entity}/{one.path.stem}",
            "cannot be mapped" if one.found.error else kinds,
            str(len(one.found.faults)),
            Text(verdict, "green" if one.as_expected else "red"),
        )
    return table

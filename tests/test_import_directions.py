"""Who may import whom: the import table of the house, and a line of code outside it fails."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

ROOMS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    # room: (of ours, of others); its own modules and the standard library are always free
    "mappings": ((), ("orjson", "msgspec", "hl7apy")),
    "smart_auth": (
        (),
        ("authlib", "joserfc", "cryptography", "argon2", "sqlalchemy", "alembic", "jinja2", "pyotp", "webauthn",
         "zxcvbn"),
    ),
    "fhir_server": (
        ("mappings.r4", "smart_auth.scopes"),
        ("psycopg", "sqlalchemy", "alembic", "fastapi", "orjson", "msgspec", "pint", "ucumvert", "zstandard",
         "prometheus_client", "pyarrow", "re2", "cryptography"),
    ),
    "adapters": (
        ("mappings",), ("httpx2", "joserfc", "cryptography", "http_ece", "msgspec", "pika", "openai", "fastapi"),
    ),
    "messages": (
        ("mappings",),
        ("psycopg", "sqlalchemy", "alembic", "cryptography", "zstandard", "msgspec", "orjson"),
    ),
    "batch": (
        ("mappings", "messages", "adapters.fhir_client", "adapters.partner_errors"),
        ("paramiko", "gnupg", "apscheduler", "msgspec", "orjson", "psycopg", "sqlalchemy", "alembic", "jinja2"),
    ),
    "care_services": (("mappings", "adapters.fhir_client", "adapters.partner_errors"), ("numpy", "xgboost")),
    "apps": ((), ("jinja2", "fastapi", "httpx2", "paramiko")),
    "simulators": ((), ("cryptography", "gnupg", "jinja2", "fastapi", "httpx2", "msgspec", "paramiko", "uvicorn")),
}  # fmt: skip
"""`hub` may import everything."""

DOORS = ("adapters.tasy", "adapters.whatsapp", "adapters.language_model")
"""These never import each other."""


def imports(source: str, package: str) -> Iterator[tuple[int, str]]:
    """Line and absolute dotted name of everything the source imports, inside functions too."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            start = node.module or ""
            if node.level:
                parents = package.split(".")
                parents = parents[: len(parents) - node.level + 1]
                start = ".".join([*parents, start] if start else parents)
            for alias in node.names:
                yield node.lineno, f"{start}.{alias.name}"


def within(name: str, allowed: tuple[str, ...]) -> bool:
    return any(name == door or name.startswith(door + ".") for door in allowed)


def faults(room: str, source: str, package: str) -> list[str]:
    ours, others = ROOMS[room]
    found = []
    for line, name in imports(source, package):
        top = name.partition(".")[0]
        if top == room:
            doors = {path.split(".")[1] for path in (package, name) if path.startswith(DOORS)}
            if len(doors) > 1:
                found.append(f"line {line}: {name}")
        elif top not in sys.stdlib_module_names and not within(name, (*ours, *others)):
            found.append(f"line {line}: {name}")
    return found


def modules(room: str) -> list[Path]:
    return sorted((ROOT / room).rglob("*.py"))


@pytest.mark.parametrize("room", [room for room in ROOMS if (ROOT / room).is_dir()])
def test_room_imports_only_what_it_may(room: str) -> None:
    found = []
    for path in modules(room):
        package = ".".join(path.parent.relative_to(ROOT).parts)
        found += [f"{path.relative_to(ROOT)} {fault}" for fault in faults(room, path.read_text(), package)]
    assert not found


@pytest.mark.parametrize(
    ("room", "line", "allowed"),
    [
        ("mappings", "import json", True),
        ("mappings", "import fhir_server", False),
        ("fhir_server", "from mappings.r4 import parse", True),
        ("fhir_server", "from mappings import r4", True),
        ("fhir_server", "from mappings import tasy", False),
        ("fhir_server", "from smart_auth.scopes import Access", True),
        ("fhir_server", "from smart_auth.clients import Client", False),
        ("fhir_server", "def f():\n    from hub import settings", False),
        ("fhir_server", "import uvicorn", False),
        ("fhir_server", "from . import store", True),
        ("batch", "from adapters.fhir_client import FhirClient", True),
        ("batch", "from adapters.tasy.client import submit", False),
    ],
)
def test_table_of_cases(room: str, line: str, allowed: bool) -> None:
    assert (not faults(room, line, room)) is allowed


def test_doors_of_adapters_never_import_each_other() -> None:
    assert faults("adapters", "from adapters.whatsapp.client import send", "adapters.tasy")
    assert not faults("adapters", "from adapters.partner_errors import PartnerRefused", "adapters.tasy")
    assert not faults("adapters", "from adapters.tasy.client import submit", "adapters.tasy")


def test_a_server_loads_no_simulator_and_nothing_of_sets_of_files() -> None:
    """They cost each worker half a second of its start and 20 MB; most hubs need neither."""
    asked = "import sys, hub.compose, hub.serve; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", asked], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    unwanted = ("simulators", "paramiko", "gnupg", "fastapi", "pika", "apscheduler", "lxml")
    assert not {name for name in loaded.split() if name.partition(".")[0] in unwanted}

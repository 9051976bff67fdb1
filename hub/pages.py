"""Pages beside the FHIR API: start page, health, metrics. Plain ASGI."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from html import escape

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from fhir_server.app import Asgi, Scope, Send
from fhir_server.receive import Receive

READY_SECONDS = 3.0

Answer = tuple[int, str, bytes]
"""Status, content type, body."""

EXAMPLES: tuple[tuple[str, str], ...] = (
    ("What this server can do", "metadata"),
    ("Five patients", "Patient?_count=5"),
    ("Patients by name", "Patient?name=a&_count=5"),
    ("How many of one type", "Observation?_summary=count"),
    ("Newest blood pressures", "Observation?code=85354-9&_sort=-date&_include=Observation:patient&_count=3"),
    ("Conditions of patients born before 1960", "Condition?patient.birthdate=lt1960&_count=5"),
    ("Patients who have a given immunization on record", "Patient?_has:Immunization:patient:status=completed&_count=5"),
    ("The latest changes of everything", "_history?_count=5"),
)  # fmt: skip
"""Title, and URL below the FHIR base."""

OPEN = "Nobody needs a token (HUB_ACCESS=open): the hub answers this machine alone, and everybody on it."
SMART = "Every request of the FHIR API needs a bearer token; the command `hub token --demo` prints one."

ERP = """<h2>The simulated ERP</h2>
<p>Its members, network and products come as signed, encrypted sets of files and are applied by the hub.
<pre>hub sync status                                                       # how sets stand
hub simulate do conjuntos '{"flow": "MEMBROS", "full": false}'        # a day passes: another set
hub simulate do cenarios '{"number": 18}'                             # line 17 of the next set is bad
hub simulate do                                                       # its calls, guides, the hub's receipts</pre>
"""

STYLE = """
:root{color-scheme:light dark}body{font:1rem/1.5 system-ui,sans-serif;max-width:50rem;margin:2rem auto;padding:0 1rem}
h1{margin-bottom:0}table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.3rem .8rem .3rem 0;
vertical-align:top;border-bottom:1px solid #8884}code,pre{font-family:ui-monospace,monospace;font-size:.9em;
overflow-wrap:anywhere}pre{overflow-x:auto;padding:.8rem;border:1px solid #8884}
.note{border-left:4px solid #b60;padding:.2rem .8rem}
"""


def start_page(base: str, facts: Mapping[str, str]) -> bytes:
    """HTML of `/`: what runs here, links, example requests."""
    access = OPEN if facts.get("Access", "").startswith("open") else SMART
    rows = "".join(f"<tr><th scope=row>{escape(k)}<td>{escape(v)}" for k, v in facts.items())
    examples = "".join(
        f'<tr><td>{escape(title)}<td><a href="{escape(url)}"><code>GET /{escape(path)}</code></a>'
        for title, path in EXAMPLES
        for url in [f"{base}/{path}{'&' if '?' in path else '?'}_pretty=true&_format=json"]
    )
    erp = ERP if facts.get("ERP (Tasy)", "").endswith("simulated") else ""
    patient = escape(
        f"curl -X POST {base}/Patient -H 'Content-Type: application/fhir+json' \\\n"
        '  -d \'{"resourceType": "Patient", "name": [{"family": "Example"}], "birthDate": "1970-01-31"}\''
    )
    return f"""<!doctype html>
<html lang=en>
<meta charset=utf-8>
<meta name=viewport content="width=device-width">
<title>AUSTA Care Platform hub</title>
<style>{STYLE}</style>
<h1>AUSTA Care Platform hub</h1>
<p>A FHIR R4 server. Its base is
 <a href="{escape(base)}/metadata?_pretty=true&amp;_format=json"><code>{escape(base)}</code></a>.
<p class=note>{escape(access)}
<h2>What runs here</h2>
<table>{rows}</table>
<h2>Look around</h2>
<table>{examples}</table>
<h2>Write something</h2>
<pre>{patient}</pre>
{erp}<h2>For operators</h2>
<ul>
<li><a href="/health/live">/health/live</a>: the process answers
<li><a href="/health/ready">/health/ready</a>: the database answers too
<li><a href="/metrics">/metrics</a>: Prometheus
<li>any search with <code>&amp;_explain=true</code>: its statement and plan
</ul>
</html>
""".encode()


def pages(
    base: str, facts: Mapping[str, str], registry: CollectorRegistry, ping: Callable[[], Awaitable[object]]
) -> Asgi:
    """ASGI application of the pages. `ping` asks the database for a sign of life and raises if there is none."""

    async def live() -> Answer:
        return 200, "application/json", b'{"status":"up"}'

    async def ready() -> Answer:
        try:
            async with asyncio.timeout(READY_SECONDS):
                await ping()
        except Exception as error:  # noqa: BLE001 - whatever it is, the answer is "not ready"
            reason = {"status": "down", "database": type(error).__name__}
            return 503, "application/json", json.dumps(reason).encode()
        return 200, "application/json", b'{"status":"up","database":"up"}'

    async def metrics() -> Answer:
        return 200, CONTENT_TYPE_LATEST, generate_latest(registry)

    async def start() -> Answer:
        return 200, "text/html; charset=utf-8", start_page(base, facts)

    table: Mapping[str, Callable[[], Awaitable[Answer]]] = {
        "/": start,
        "/health/live": live,
        "/health/ready": ready,
        "/metrics": metrics,
    }

    async def call(scope: Scope, receive: Receive, send: Send) -> None:
        page = table.get(scope["path"])
        if page is None:
            status, kind, body = 404, "text/plain; charset=utf-8", f"Not found. The FHIR base is {base}\n".encode()
        elif scope["method"] not in ("GET", "HEAD"):
            status, kind, body = 405, "text/plain; charset=utf-8", b"Only GET and HEAD.\n"
        else:
            status, kind, body = await page()
        headers = [
            (b"content-type", kind.encode()),
            (b"content-length", b"%d" % len(body)),
            (b"x-content-type-options", b"nosniff"),
            (b"cache-control", b"no-store"),
        ]
        if kind.startswith("text/html"):
            headers.append((b"content-security-policy", b"default-src 'none'; style-src 'unsafe-inline'"))
        if status == 405:
            headers.append((b"allow", b"GET, HEAD"))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})

    return call

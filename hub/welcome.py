"""What `hub serve` prints when it is up."""

from __future__ import annotations

from hub.database import Database
from hub.settings import Settings


def welcome(
    settings: Settings, found: Database, lacking: str = "", *, simulated: bool = False, telephone: str | None = None
) -> str:
    """What is printed when the hub is up: what can be opened, and who can open it.

    lacking: why the apps cannot; simulated: whether there is a simulated ERP; telephone: URL of a simulated one.
    """
    scheme = "http" if settings.tls_certificate is None else "https"
    here = f"{scheme}://{settings.host}:{settings.port}"
    site = settings.base.rsplit("/", 1)[0] if settings.base_url is None else here
    if settings.access == "smart":
        access = (
            f"Every request of the FHIR API needs a token of {settings.authorization}; `hub token --demo` prints one."
        )
    else:
        access = f"Nobody needs a token (HUB_ACCESS=open): the hub listens on loopback ({settings.host}) alone."
    apps = ""
    if settings.apps_port is not None:
        apps = f"\n  {settings.apps}/clinician/       the clinician's app"
        apps += f"\n  {settings.apps}/privacy/         the members' page: what is done with their data"
        apps += f"\n  {settings.apps}/console/         the operators' console: every message, run and partner"
        apps += f"\n  {settings.apps}/desk/            the people's inbox: what the service on WhatsApp left to them"
    if lacking:
        apps = f"\n  (The clinician's app is not served: {lacking}.)"
    erp = ""
    if simulated:
        erp = f"""
An ERP (Tasy) is simulated at {settings.tasy_url}; its members are synchronised now, `hub sync status` tells how far.
`hub simulate do --help` tells how days pass there, how guides are decided, and how it is made to misbehave.
"""
    phone = ""
    if telephone is not None:
        phone = f"""
WhatsApp is simulated: write to the hub as a member would at {telephone}/ ("estou com dor de garganta",
"quero marcar uma consulta", "dor forte no peito"). What is left to people is in the inbox; pages to whoever is on call
are lines of the log.
"""
    return f"""
The hub runs on {found.words}.

  {site}/                 start page with example requests{apps}
  {settings.base}/metadata    what the FHIR server can do
  {settings.base}/Patient     the patients
  {site}/health/ready     health
  {site}/metrics          Prometheus

{access}
{erp}{phone}Ctrl-C stops it. One log line per request follows.
"""

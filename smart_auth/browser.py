"""The pages of the authorization server: path and method -> handler."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files

from smart_auth import apps_page, authorize_page, launch_page, launcher_page, notice_page, second_factor, sign_in
from smart_auth.desk import Desk
from smart_auth.visits import Page, Visit

Handler = Callable[[Desk, Visit], Page]


@cache
def _file(name: str) -> bytes:
    return (files("smart_auth") / "templates" / name).read_bytes()


def _static(name: str, kind: str) -> Handler:
    headers = [("Content-Type", f"{kind}; charset=utf-8"), ("Cache-Control", "max-age=3600")]
    return lambda desk, visit: Page(200, _file(name), headers)


PAGES: Mapping[str, Mapping[str, Handler]] = {
    "/authorize": {"GET": authorize_page.authorize_endpoint, "POST": authorize_page.authorize_endpoint},
    "/consent": {"POST": authorize_page.consent},
    "/sign-in": {"GET": sign_in.show, "POST": sign_in.sign_in},
    "/second-factor": {"GET": second_factor.show, "POST": second_factor.check},
    "/sign-out": {"POST": sign_in.sign_out},
    "/account": {"GET": sign_in.account},
    "/apps": {"GET": apps_page.show, "POST": apps_page.withdraw},
    "/notice": {"GET": notice_page.show, "POST": notice_page.acknowledge},
    "/launches": {"POST": launch_page.make},
    "/security-key": {"GET": second_factor.show_key, "POST": second_factor.add_key},
    "/pages.css": {"GET": _static("pages.css", "text/css")},
    "/security-keys.js": {"GET": _static("security_keys.js", "text/javascript")},
}
"""Below the issuer."""

DEVELOPERS: Mapping[str, Mapping[str, Handler]] = {
    "/launcher": {"GET": launcher_page.show, "POST": launcher_page.launch},
}
"""Those that are not there in production."""

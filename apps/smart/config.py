"""What the app is told about its FHIR server and about itself."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Config:
    """One FHIR server, at which the app is registered as a confidential client."""

    fhir: str
    """FHIR base URL without trailing slash; launches from any other server are refused."""
    url: str
    """Where browsers reach the app, without trailing slash: https://apps.example.org/clinician."""
    client_id: str
    client_secret: str = field(repr=False)
    scopes: tuple[str, ...] = ()
    """What it asks for, launch aside."""
    of_patient: bool = True
    """Whether it is about one patient's record: one has to be chosen, then."""

    @property
    def redirect_uri(self) -> str:
        """Where the authorization server sends the browser back to."""
        return f"{self.url}/callback"

    @property
    def secure(self) -> bool:
        """Whether cookies travel by https only."""
        return self.url.startswith("https://")

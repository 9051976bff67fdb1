"""What the console asks for: to read and to act on what the hub's operators may."""

from __future__ import annotations

SCOPES = ("openid", "fhirUser", "online_access", "user/Operations.rus")

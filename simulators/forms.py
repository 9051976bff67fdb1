"""Forms with files, as clients of a simulated partner send them (RFC 7578)."""

from __future__ import annotations

from dataclasses import dataclass
from email.parser import BytesParser
from email.policy import HTTP

from fastapi import Request


@dataclass(frozen=True, slots=True)
class Part:
    """A field of a form; a file has a name."""

    content: bytes
    content_type: str
    file: str | None

    @property
    def text(self) -> str:
        """The field as text."""
        return self.content.decode()


async def form(request: Request) -> dict[str, Part]:
    """The parts of a multipart request by the names of their fields; none where it is no form."""
    head = f"Content-Type: {request.headers.get('Content-Type', '')}\r\n\r\n".encode()
    whole = BytesParser(policy=HTTP).parsebytes(head + await request.body())
    found = {}
    for one in whole.iter_parts():
        name = one.get_param("name", header="content-disposition")
        content = one.get_payload(decode=True)
        if isinstance(name, str) and isinstance(content, bytes):
            found[name] = Part(content, one.get_content_type(), one.get_filename())
    return found

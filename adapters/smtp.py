"""E-mail by SMTP submission: TLS from the beginning or by STARTTLS, always but on this machine. RFC 6409, RFC 8314.

A message has the same Message-ID at every try: one that comes twice is known as one.
"""

from __future__ import annotations

import asyncio
import smtplib
import ssl
from dataclasses import dataclass, field
from email.message import EmailMessage

from adapters.partner_errors import PartnerRefused, PartnerUnavailable

SECONDS = 20.0
"""For each answer of the server."""


@dataclass(frozen=True, slots=True)
class Server:
    """Where e-mail is handed in, and as whom."""

    host: str
    port: int
    sender: str
    """Address."""
    tls: bool = False
    """From the beginning."""
    plain: bool = False
    """Without any: on this machine alone."""
    user: str | None = None
    password: str | None = field(default=None, repr=False)


class Smtp:
    """Hands in e-mails."""

    def __init__(self, server: Server) -> None:
        self._server = server

    async def send(self, reference: str, to: str, subject: str, text: str) -> None:
        """reference: of the message, at every try. Raises PartnerUnavailable: it was not taken, or nobody knows;
        PartnerRefused: it will not be."""
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = self._server.sender, to, subject
        message["Message-ID"] = f"<{reference}@{self._server.sender.rpartition('@')[2]}>"
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no machine answers it
        message.set_content(text)
        try:
            await asyncio.to_thread(self._hand_in, message)
        except smtplib.SMTPRecipientsRefused as refused:
            raise _of(next(iter(refused.recipients.values()))[0]) from None
        except smtplib.SMTPResponseException as refused:  # its text may name the recipient
            raise _of(refused.smtp_code) from None
        except (OSError, smtplib.SMTPException) as error:
            raise PartnerUnavailable(f"the mail server cannot be reached ({type(error).__name__})") from None

    def _hand_in(self, message: EmailMessage) -> None:
        own, context = self._server, ssl.create_default_context()
        kind = smtplib.SMTP_SSL(own.host, own.port, timeout=SECONDS, context=context) if own.tls else smtplib.SMTP(
            own.host, own.port, timeout=SECONDS
        )  # fmt: skip
        with kind as server:
            if not own.tls and not own.plain:
                server.starttls(context=context)
            if own.user is not None and own.password is not None:
                server.login(own.user, own.password)
            server.send_message(message)


def _of(code: int) -> Exception:
    """5xx is for good but for who we are to the server: 530 to 535."""
    if 500 <= code < 600 and code not in range(530, 536):
        return PartnerRefused(str(code), "processing")
    return PartnerUnavailable(f"the mail server answers {code}")

"""The key by which push services know the hub, on P-256: the same whenever it is asked for. RFC 8292

Derived from HUB_KEY and stored nowhere. Browsers are subscribed with its public part: another HUB_KEY ends them all.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode

from cryptography.hazmat.primitives.asymmetric import ec
from joserfc.jwk import ECKey

from adapters.web_push import public_key
from hub.sealing_key import seal
from hub.settings import Settings

_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""Of P-256: FIPS 186-5."""


def push_key(settings: Settings) -> ECKey:
    """The private key. Raises KeyUnusable."""
    sealed = seal(settings)
    # 512 bits reduced to the order of the curve: no key is noticeably likelier than another (FIPS 186-5, A.2.1).
    drawn = b"".join(urlsafe_b64decode(sealed.derived(f"web-push:{part}") + "=") for part in (1, 2))
    number = int.from_bytes(drawn, "big") % (_ORDER - 1) + 1
    return ECKey.import_key(ec.derive_private_key(number, ec.SECP256R1()), {"use": "sig"})


def subscribed_with(settings: Settings) -> str | None:
    """What browsers are subscribed with; None: nothing is sent to any. Raises KeyUnusable."""
    return None if settings.push_contact is None else public_key(push_key(settings))

"""The embedded PostgreSQL of one machine and one person."""

from hub.embedded.place import EmbeddedError
from hub.embedded.server import Embedded

__all__ = ["Embedded", "EmbeddedError"]

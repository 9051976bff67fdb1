"""The hub: the only room that knows all others, and starts things."""

VERSION = "0.1.0"

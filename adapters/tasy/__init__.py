"""Tasy's REST interface: mutual TLS, bound tokens, lanes, circuit breakers, and what to do where nobody answers."""

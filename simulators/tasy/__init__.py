"""Tasy: a synthetic plan behind the REST interface of the Tasy contract."""

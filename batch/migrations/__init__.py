"""The database's history: one Alembic revision per change of schema, run by `hub migrate`."""

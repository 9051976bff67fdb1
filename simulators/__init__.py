"""Partners that are simulated, on real sockets, misbehaving on demand: for tests, and for whoever tries the hub."""

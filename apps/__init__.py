"""Pages for people. They speak HTTP to the hub like anyone else and import nothing of it."""

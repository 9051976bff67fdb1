"""What operators see and do: messages, dead letters, runs, partners, deadlines; JSON below `{site}/operations`."""

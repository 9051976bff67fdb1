"""The subcommands of `hub`: how each is written and what it runs. What it needs it imports only then."""

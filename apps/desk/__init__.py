"""The people's inbox: Tasks that the service leaves to nurses, pharmacists, the service desk and privacy officers."""

"""The console: where operators see every message, every run and every partner, and set right what went wrong."""

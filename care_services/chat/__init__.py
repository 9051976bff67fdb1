"""Conversations with members: what a message means where it arrives, and what is answered."""

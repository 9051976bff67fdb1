"""The door to a language model: any OpenAI-compatible server."""

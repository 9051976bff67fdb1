"""A language model, simulated: an OpenAI-compatible server on a real socket that answers by rules of its own."""

"""The administration of the authorization server: clients, people, policies and keys, as resources over REST."""

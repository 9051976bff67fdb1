"""The administration of the authorization server: clients, people and policies, as resources over REST."""

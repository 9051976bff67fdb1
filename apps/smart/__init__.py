"""What the apps share: launch, sessions, and what asks the FHIR server with a session's token."""

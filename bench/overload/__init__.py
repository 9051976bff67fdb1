"""What the hub does when twice as much is asked of it as the machine can do."""

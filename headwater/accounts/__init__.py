"""People, organisations, roles, permissions, sign-in, machine credentials."""

"""Voice service providers: who they are, their keys, how they are asked."""

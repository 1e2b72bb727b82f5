"""A small inter-carrier network that speaks only the real doors and knows the truth."""

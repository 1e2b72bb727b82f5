"""The headwater command: a door for operators."""

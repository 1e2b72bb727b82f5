"""The jobs and loops that run without a person asking."""

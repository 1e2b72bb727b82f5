"""The hop-by-hop engine: questions, answers, clocks, outcomes."""

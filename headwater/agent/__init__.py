"""A carrier's agent: the same intake and call store beside its switch, answering one question at a time."""

"""The short run of every fuzz target: the same inputs on every machine."""

import time
from itertools import islice

import pytest

from tests.fuzz import catalogue, mutation

INPUT_S = 30.0
"""No input takes as long, on a machine however busy, unless it is endless or grows faster than its length."""


@pytest.mark.parametrize("name", catalogue.names())
def test_no_input_breaks(name):
    target = catalogue.load(name)
    for data in islice(mutation.inputs(target, seed=20_261_124), target.short_run):
        began = time.monotonic()
        try:
            target.run(data)
        except Exception as error:
            error.add_note(f"the input is {data!r}")
            raise
        assert time.monotonic() - began < INPUT_S, data

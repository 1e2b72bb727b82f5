"""One module per reader.

A target has ``SEEDS: list[bytes]`` (inputs that are read without complaint, or nearly) and
``def target(data: bytes) -> None``, which raises only on a defect: what the reader documents as a refusal is caught in
the target, and what must hold of a result is asserted there. It may have ``TOKENS: list[bytes]`` (words of the format)
and ``LONGEST: int`` (octets of an input; 4,096 where it does not say).
"""

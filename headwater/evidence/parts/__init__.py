"""The parts of a package, one module each: what a lawyer opens. Pure: the same material gives the same octets."""

"""STIR/SHAKEN on its own: parse and verify PASSporTs and the certificates that signed them.

Nothing here needs Django or a database. ``verify.Verifier`` judges Identity headers, ``certificates`` reads and
chains STI certificates (the one module that may fetch), ``sign`` makes tokens for tests and laboratories.
"""

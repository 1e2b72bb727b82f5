"""The live lab: real switches, real signatures, real HEP, our real product, and what it made of it.

Three carriers on one machine, each in a network namespace of its own: Kamailio, the Sippy B2BUA, Kamailio. SIPp calls
through them; their capture agents send HEP to a ``headwater agent``. ``python -m lab`` runs it; docs/howto/live-lab.md.
"""

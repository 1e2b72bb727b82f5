"""One module a performance claim: ``python -m bench`` runs them all, ``python -m bench feed`` one.

Each prints ours, the peer that does the bare work, the physical bound, and the ratios of the same run. Figures of
different runs are not compared: other work on the machine moves them all.
"""

"""Call detail records: one mapping engine, and the formats of switches as data files. Pure but for its file reader."""

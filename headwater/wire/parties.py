"""How carriers name each other."""

import msgspec


class Party(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A provider as carriers name each other: by Service Provider Code (or OCN), name and country."""

    spc: str
    name: str = ""
    country: str = "US"

"""The kinds of signed statements of conduct (their ``typ``). Pure."""

from typing import Final

PUBLIC_LIST: Final = "headwater-public-list+jws"

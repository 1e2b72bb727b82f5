"""The registries of numbers as one file, for processes that must look up many numbers and ask no database.

``headwater registries load`` writes it anew after each load of blocks or do-not-originate lists. It holds the history
too, so that a call of last month is judged by what stood last month.
"""

import json
import os
from pathlib import Path
from typing import Final

from django.db.models import Q

from headwater.errors import NotFound
from headwater.numbering.plan import NumberPlan
from headwater.numbering.ranges import BadIndex, RangeIndex
from headwater.providers.models import RegistryEntry
from headwater.providers.registries import authorities, queries
from headwater.providers.registries.entries import Registry

FOLDER: Final = "registries"
FILE: Final = "numbers.index"
#: The United States' trust list: every PEM file of the folder is a part of it (``stir.trust``).
TRUST: Final = Path("trust") / "US"
TRUST_FILE: Final = "sti-pa-list.pem"


def write(home: Path) -> Path:
    """Write the index of all that is loaded; return its file. What reads the old one meanwhile reads it to its end."""
    rows = RegistryEntry.objects.filter(Q(registry=Registry.BLOCKS) | Q(registry__startswith=Registry.DNO.value))
    blocks = RegistryEntry.objects.filter(registry=Registry.BLOCKS)
    area_codes = sorted({key[:3] for key in blocks.values_list("key", flat=True).iterator(chunk_size=50_000)})
    plan = queries.plan_of(rows, area_codes=area_codes)
    parts = [plan.blocks.to_bytes(), plan.dno.to_bytes()]
    header = json.dumps({"area_codes": area_codes, "parts": [len(part) for part in parts]}).encode() + b"\n"
    folder = home / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    fresh = folder / f"{FILE}.{os.getpid()}"
    with fresh.open("wb") as file:
        file.write(header)
        file.writelines(parts)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(folder / FILE)
    return folder / FILE


def write_trust(home: Path) -> Path:
    """Write the authorities that are approved now as a trust list, where signatures are judged by it.

    Raises:
        Invalid: no list of authorities is loaded.
    """
    approved = RegistryEntry.objects.filter(registry=Registry.CA_LIST, valid_to=None).order_by("key")
    folder = home / TRUST
    folder.mkdir(parents=True, exist_ok=True)
    fresh = folder / f"{TRUST_FILE}.{os.getpid()}"
    fresh.write_bytes(authorities.pem_of([str(row.detail["pem"]) for row in approved]))
    fresh.replace(folder / TRUST_FILE)
    return folder / TRUST_FILE


def read(home: Path) -> NumberPlan:
    """Return the numbering plan as the file has it.

    Raises:
        NotFound: no registry of numbers was loaded yet.
        BadIndex: the file is damaged.
    """
    path = home / FOLDER / FILE
    try:
        octets = path.read_bytes()
    except FileNotFoundError:
        raise NotFound(f"{path} is not there: load blocks or a do-not-originate list first.") from None
    head, _, body = octets.partition(b"\n")
    try:
        header = json.loads(head)
        length, rest = header["parts"]
    except (ValueError, KeyError, TypeError) as error:
        raise BadIndex(f"{path} is damaged; load a registry of numbers again to write it anew") from error
    if length + rest != len(body):
        raise BadIndex(f"{path} is damaged; load a registry of numbers again to write it anew")
    blocks, dno = RangeIndex.from_bytes(body[:length]), RangeIndex.from_bytes(body[length:])
    return NumberPlan(blocks, dno, area_codes=header["area_codes"])

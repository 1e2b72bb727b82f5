"""Filings of the public registries, as they are compared for phoenix signs. Reads; decides nothing."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from django.db.models import Q

from headwater.conduct.phoenix import Filing, plain_name
from headwater.providers.models import RegistryEntry
from headwater.providers.registries.entries import Registry

_SEVERAL = re.compile(r"\s*[;|\n]\s*|\s*,\s*(?=\d{10}\b)")
_FRN = re.compile(r"\b\d{10}\b")
_ADDRESS = ("address_line", "city", "state", "zip_code")


def everything() -> list[Filing]:
    """Return the filings of the Robocall Mitigation Database and of Form 499, standing and past."""
    rows = RegistryEntry.objects.filter(registry__in=[Registry.RMD, Registry.FILERS]).order_by("registry", "key")
    columns = rows.values_list("registry", "key", "name", "frn", "detail", "valid_from", "valid_to")
    return [_filing(*row) for row in columns.iterator(chunk_size=5_000)]


def of_provider(filings: Sequence[Filing], *, name: str, frn: str, rmd_number: str) -> list[Filing]:
    """Return a provider's own filings: by RMD number or FRN; by its name where the register has neither."""
    if frn or rmd_number:
        numbers = {filing.frn for filing in filings if rmd_number and filing.key == rmd_number} | {frn}
        return [one for one in filings if (one.frn and one.frn in numbers) or (rmd_number and one.key == rmd_number)]
    plain = plain_name(name)
    return [one for one in filings if plain and plain_name(one.name) == plain]


def implementation(frn: str, rmd_number: str) -> str:
    """Return what a provider's standing filing says of STIR/SHAKEN, "" where none is loaded."""
    mine = Q(pk=None)
    if frn:
        mine |= Q(frn=frn)
    if rmd_number:
        mine |= Q(key=rmd_number)
    row = RegistryEntry.objects.filter(mine, registry=Registry.RMD, valid_to=None).first()
    return str(row.detail.get("implementation", "")) if row else ""


def _filing(  # noqa: PLR0913, PLR0917 - one argument a column, as the row has them
    registry: str, key: str, name: str, frn: str, detail: Mapping[str, Any], valid_from: Any, valid_to: Any
) -> Filing:
    said = detail.get
    if registry == Registry.RMD:
        names = [*_several(said("other_dba_names")), *_several(said("previous_dba_names"))]
        return Filing(
            registry=registry,
            key=key,
            name=name,
            frn=frn,
            names=tuple(names),
            address=str(said("business_address", "")),
            contact=str(said("robocall_mitigation_contact_name", "")),
            contact_phone=str(said("contact_telephone_number", "")),
            contact_address=str(said("contact_business_address", "")),
            other_frns=tuple(_FRN.findall(str(said("other_frns", "")))),
            valid_from=valid_from,
            valid_to=valid_to,
        )
    trade = said("other_trade_name", [])
    return Filing(
        registry=registry,
        key=key,
        name=name,
        frn=frn,
        names=tuple(map(str, trade)) if isinstance(trade, list) else (str(trade),),
        address=" ".join(str(said(f"hq_address.{part}", "")) for part in _ADDRESS).strip(),
        contact_phone=str(said("Customer_Inquiries_telephone", "")),
        holding=str(said("holding_company", "")),
        valid_from=valid_from,
        valid_to=valid_to,
    )


def _several(text: Any) -> list[str]:
    return [part for part in _SEVERAL.split(str(text or "")) if part and part.lower() not in {"n/a", "none", "na"}]

"""The page docs/reference/stir.md: checks, reasons, SIP tables, profile rules and public names, from the code."""

import inspect
from collections.abc import Iterator

from headwater import stir
from headwater.stir.conformance import RULES
from headwater.stir.reasons import CHECK_TEXT, SIP_TABLES, Check, Reason, sip_statuses, verstat


def stir_page() -> str:
    """Return the page in Markdown."""
    return "\n".join((*_head(), *_checks(), *_reasons(), *_profile(), *_names()))


def _head() -> Iterator[str]:
    yield "# STIR/SHAKEN: checks, reasons, tables and names\n"
    yield "How and why we judge so is told in [STIR/SHAKEN](../explanation/stir-shaken.md)."
    yield "The command is [`headwater stir`](commands.md).\n"


def _checks() -> Iterator[str]:
    yield "## Checks\n"
    yield "A verdict holds every one of them, with its outcome: `passed`, `failed`, `flagged` (odd, and no reason to"
    yield "refuse) or `not made`. The number is stable. 9 is the rule for how long a certificate is kept, which the"
    yield "fetch keeps and no token can break.\n"
    yield "| # | Question | Source |"
    yield "|---|---|---|"
    for check in Check:
        question, source = CHECK_TEXT[check]
        yield f"| {int(check)} | {question} | {source} |"
    yield ""


def _reasons() -> Iterator[str]:
    yield "## Reasons\n"
    yield "A verdict keeps the reason. The SIP status is derived last, by the table of your choice: RFC 8224 section"
    yield "6.2.2, the error list of ATIS-1000082, or what Asterisk answers. verstat is 3GPP TS 24.229 section 7.2A as"
    yield "ATIS-1000082 uses it: nothing but a certificate that is not to be trusted and a signature that does not hold"
    yield "gives `TN-Validation-Failed`. `replayed` is a flag and gives none of them by itself.\n"
    yield f"| Reason | {' | '.join(SIP_TABLES)} | verstat |"
    yield f"|---|{'---|' * len(SIP_TABLES)}---|"
    for reason in Reason:
        if reason is not Reason.REPLAYED:
            statuses = " | ".join(str(each) for each in sip_statuses(reason).values())
            yield f"| `{reason}` | {statuses} | {verstat(reason)} |"
    yield ""


def _profile() -> Iterator[str]:
    yield "## Profile rules\n"
    yield "What `headwater stir inspect` reports of a certificate under `profile`. None of them bears on a verdict."
    yield "A rule is asked of authorities issued since its document was published, and of leaves issued so many days"
    yield "later.\n"
    yield "| Rule | Document | Published | Leaves after |"
    yield "|---|---|---|---|"
    for rule, (document, _) in RULES.items():
        yield f"| `{rule}` | {document.name} | {document.published:%Y-%m-%d} | {document.leaf_days} days |"
    yield ""


def _names() -> Iterator[str]:
    yield "## Public names\n"
    yield "`from headwater.stir import ...` needs neither Django nor a database. What fetches is apart:"
    yield "`headwater.stir.fetch.CertificateFetcher`.\n"
    yield "| Name | What it is |"
    yield "|---|---|"
    for name in stir.__all__:
        if name == "CertificateSource":
            yield f"| `{name}` | Called with an address; returns its chain, leaf first, or raises `CertificateError`. |"
            continue
        text = inspect.getdoc(getattr(stir, name)) or ""
        first = " ".join(text.partition("\n\n")[0].split()).replace("``", "`")
        yield f"| `{name}` | {first} |"
    yield ""

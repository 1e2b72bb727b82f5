"""How good leads are: many traces of one campaign combined by the product's own rule, beside the campaign's origins."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from headwater.simulator.trial import Ended, Run
from headwater.tracebacks.leads import Traced, leads, seen_elsewhere

#: Traces of one campaign that are combined at most (traceback model, section 5.1).
MOST_TRACES: Final = 25


@dataclass(frozen=True, slots=True, kw_only=True)
class Pointed:
    """The top lead of one campaign. ``reachable``: some provider's record named one of its origins at all."""

    probability: float
    right: bool
    reachable: bool
    traces: int


def pointed(run: Run) -> Iterator[Pointed]:
    """Yield the top lead of each domestic campaign of a world, from its first ``MOST_TRACES`` traces."""
    traces: dict[int, list[tuple[Ended, bool]]] = defaultdict(list)
    origins: dict[int, set[int]] = defaultdict(set)
    apart: set[int] = set()
    for place, one in enumerate(run.ended):
        named = run.bounds[place].named if run.bounds else False
        traces[one.operation].append((one, named))
        origins[one.operation].add(one.truth[0])
        if one.apart:
            apart.add(one.operation)
    campaigns = {
        operation: [(_traced(one), named) for one, named in of]
        for operation, of in ((operation, of[:MOST_TRACES]) for operation, of in traces.items())
    }
    history = _history({operation: [one for one, _ in of] for operation, of in campaigns.items()})
    for operation, of in campaigns.items():
        if operation in apart:
            continue
        found = leads([one for one, _ in of], prior=seen_elsewhere(history, operation))
        yield Pointed(
            probability=found[0].probability if found else 0.0,
            right=bool(found) and int(found[0].provider) in origins[operation],
            reachable=any(named for _, named in of),
            traces=len(of),
        )


def _traced(one: Ended) -> Traced:
    """Return what is known of an ended trace without its truth."""
    signer = str(one.signer) if one.signer >= 0 else ""
    return Traced(grade=one.grade, path=tuple(map(str, one.found)), signer=signer, attest=one.attest)


def _history(campaigns: Mapping[int, Sequence[Traced]]) -> dict[str, frozenset[int]]:
    seen: dict[str, set[int]] = defaultdict(set)
    for operation, of in campaigns.items():
        for one in of:
            for provider in one.path:
                seen[provider].add(operation)
    return {provider: frozenset(found) for provider, found in seen.items()}

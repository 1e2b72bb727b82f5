"""Holds what Headwater made of the run against who really called whom."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from headwater.calls.ladder import Call as Ladder
from headwater.calls.ladder import calls_of
from headwater.calls.legs import IN_DIALOG
from headwater.calls.records import CallRecord
from headwater.calls.rules import Wanted, match_call
from headwater.intake import sip
from headwater.stir.certificates import TrustList, parse_pem_chain
from headwater.stir.verdict import Mode, Result
from headwater.stir.verify import Call, Verifier
from headwater.wire.agents import AnswerCode
from lab.collector import SPCS, Kept
from lab.network import CUSTOMER, PHONE, A, B, C
from lab.pki import Pki
from lab.plan import End, PlannedCall

NAME = "x-lab-call"


@dataclass
class Report:
    """Counts of a run, and what is wrong in it."""

    counts: dict[str, object] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)

    def must(self, holds: bool, sentence: str) -> None:  # noqa: FBT001 - reads as a sentence: must(this, "that")
        """Note ``sentence`` where it does not hold."""
        if not holds:
            self.wrong.append(sentence)


def judge(planned: Sequence[PlannedCall], stores: Mapping[str, Kept], pki: Pki, *, signed: bool) -> Report:
    """Return the report of a run. ``signed`` says whether carrier B passed the Identity header on."""
    report = Report()
    records = [record for kept in stores.values() for record in kept.records]
    for place, kept in stores.items():
        report.counts[f"messages of carrier {place.upper()}"] = len(kept.records)
    _joining(report, planned, calls_of(records), signed=signed)
    _signatures(report, stores, pki, planned, signed=signed)
    _blocks(report, planned, records)
    _tracing(report, planned, stores)
    return report


def _joining(report: Report, planned: Sequence[PlannedCall], found: Sequence[Ladder], *, signed: bool) -> None:
    """Every call found, its legs joined, none joined with another's: by the name that no joining rule reads.

    Without signatures two calls of one caller to one number within a second look alike: such a call may be in two
    pieces, and these must name each other as possible.
    """
    of_name: defaultdict[str, list[Ladder]] = defaultdict(list)
    false_joins = 0
    for shown in found:
        names = {view.headers.get(NAME, "") for view in shown.records}
        false_joins += len(names) > 1
        for name in names:
            of_name[name].append(shown)
    whole = alike = 0
    for call in planned:
        ladders = of_name[call.name]
        report.must(bool(ladders), f"{call.name} was not found")
        if not signed and len(ladders) == 2 and _name_each_other(*ladders):
            alike += 1
            continue
        report.must(len(ladders) <= 1, f"{call.name} is in {len(ladders)} pieces")
        path = [CUSTOMER, A, B, C, *([PHONE] if call.end is End.ANSWERED else [])]
        if len(ladders) == 1:
            ladder = ladders[0]
            took = [ladder.hops[0].source_ip, *(hop.destination_ip for hop in ladder.hops)]
            report.must(took == path, f"{call.name} went {path} and is shown as {took}")
            report.must(ladder.status == call.end.status, f"{call.name} ended {call.end.status}, shown {ladder.status}")
            report.must(len({hop.call_id for hop in ladder.hops}) == 2, f"{call.name} has not two Call-IDs")
            whole += took == path
    report.must(false_joins == 0, f"{false_joins} false joins")
    report.must(len(found) == len(planned) + alike, f"{len(planned)} calls were made, {len(found)} are shown")
    report.counts["calls made"] = len(planned)
    report.counts["calls found whole"] = whole
    report.counts["told as possible only"] = alike
    report.counts["false joins"] = false_joins
    report.counts["joins by rule"] = dict(Counter(join.rule.value for shown in found for join in shown.joins))
    report.counts["possible joins not made"] = sum(len(shown.possible) for shown in found)


def _name_each_other(one: Ladder, other: Ladder) -> bool:
    hops = {id(hop) for hop in other.hops}
    return any(id(join.first) in hops or id(join.second) in hops for join in one.possible)


def _signatures(
    report: Report, stores: Mapping[str, Kept], pki: Pki, planned: Sequence[PlannedCall], *, signed: bool
) -> None:
    leaf, root = (parse_pem_chain(pki.pem(one)) for one in (pki.leaf, pki.root))
    verifier = Verifier(certificates=lambda _: leaf, trust=[TrustList(root)])
    attested = {call.name: call.attest for call in planned}
    valid = wrong_attest = unsigned = 0
    invites = [one for kept in stores.values() for one in kept.records if _is_new_invite(one)]
    octets = {key: raw for kept in stores.values() for key, raw in kept.raw.items()}
    for record in invites:
        message = sip.parse(octets[record.record_id.bytes])
        if not message.identities:
            unsigned += 1
            continue
        values = [value.decode() for value in message.identities]
        call = Call(calling=message.calling, called=message.called, at=record.call_at.timestamp())
        verdict = verifier.verify_call(values, call, now=record.call_at.timestamp(), mode=Mode.EVIDENCE)
        valid += verdict.result is Result.VALID
        report.must(verdict.result is Result.VALID, f"a signature of {record.headers.get(NAME)}: {verdict.reason}")
        wrong_attest += record.attest != attested.get(record.headers.get(NAME, ""), "")
    report.must(wrong_attest == 0, f"{wrong_attest} INVITEs show another attestation than was signed")
    # Before carrier A a call has no signature; after a switch that strips it, none either.
    bare = sum(1 for one in invites if one.source_ip == CUSTOMER or (not signed and one.source_ip in {B, C}))
    report.must(unsigned == bare, f"{unsigned} INVITEs without Identity, {bare} expected")
    report.counts["INVITEs"] = len(invites)
    report.counts["signatures verified"] = valid
    report.counts["INVITEs without Identity"] = unsigned


def _is_new_invite(record: CallRecord) -> bool:
    return record.sip_method == "INVITE" and not record.sip_status and IN_DIALOG not in record.labels


def _blocks(report: Report, planned: Sequence[PlannedCall], records: Sequence[CallRecord]) -> None:
    """603+ and 608 are blocking events that say who; a 404 is none."""
    at_c = [one for one in records if one.source_ip == C and one.sip_status >= 300 and one.sip_method == "INVITE"]
    for end, kind in ((End.NETWORK_BLOCKED, "603+"), (End.REJECTED, "608"), (End.NOT_FOUND, "")):
        shown = {one.call_id for one in at_c if one.sip_status == end.status}
        blocked = [one for one in at_c if one.sip_status == end.status and one.disposition == "blocked"]
        made = sum(call.end is end for call in planned)
        report.must(len(shown) == made, f"{made} calls ended {end.value}, {len(shown)} are shown")
        report.must({one.call_id for one in blocked} == (shown if kind else set()), f"{end.value}: wrong blocks")
        named = {one.headers.get("block-url") for one in blocked}
        report.must(all(one.headers["block-kind"] == kind for one in blocked), f"{end.value}: wrong kind of block")
        report.must(None not in named, f"{end.value}: a block does not say whom to ask")
        report.counts[f"calls ended {end.value}"] = len(shown)


def _tracing(report: Report, planned: Sequence[PlannedCall], stores: Mapping[str, Kept]) -> None:
    """Ask each carrier for its upstream, as the hub would, from the called side back to the customer."""
    right = 0
    for call in planned:
        heard = next(_invites(stores["c"], call, source=B), None)
        if heard is None:
            report.wrong.append(f"{call.name}: carrier C has no record to ask from")
            continue
        call_id, at, downstream = heard.call_id, heard.call_at, ""
        if call.end is not End.ANSWERED:
            # A call that C refused left no leg out of C: the question goes to B, from C's own leg in.
            path = [("b", AnswerCode.UPSTREAM_US, "a"), ("a", AnswerCode.ORIGINATED, "")]
            downstream = SPCS["c"]
        else:
            path = [
                ("c", AnswerCode.UPSTREAM_US, "b"),
                ("b", AnswerCode.UPSTREAM_US, "a"),
                ("a", AnswerCode.ORIGINATED, ""),
            ]
        for place, code, upstream in path:
            wanted = Wanted(
                calling=heard.calling,
                called=heard.called,
                call_at=at,
                window_s=30,
                downstream_spc=downstream,
                call_id=call_id,
            )
            match = match_call(wanted, stores[place].records, stores[place].profile)
            named = match.upstream.spc if match.upstream and upstream else ""
            ok = match.code is code and named == (SPCS[upstream] if upstream else "")
            report.must(ok, f"{call.name}: carrier {place.upper()} answers {match.code.value} {named} {match.note}")
            right += ok
            ingress = match.best.passage.ingress if match.best else None
            if ingress is not None:
                call_id, at, downstream = ingress.call_id, ingress.started + timedelta(milliseconds=3), SPCS[place]
    report.counts["upstream named rightly"] = right


def _invites(kept: Kept, call: PlannedCall, *, source: str) -> Iterator[CallRecord]:
    for record in kept.records:
        if _is_new_invite(record) and record.source_ip == source and record.headers.get(NAME) == call.name:
            yield record

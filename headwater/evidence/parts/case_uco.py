"""The calls, providers and hand-overs as CASE/UCO 1.x JSON-LD, for forensic tools (https://caseontology.org). Pure.

Every node's identifier is a UUID made from the package and what the node stands for (RFC 9562 version 5), so the same
package gives the same graph and two packages never share a node. Validates with ``case_validate``.
"""

import uuid
from typing import Any

from headwater.evidence.material import Call, Material

_UCO = "https://ontology.unifiedcyberontology.org/uco"
_CONTEXT = {
    "kb": "urn:uuid:",
    "case-investigation": "https://ontology.caseontology.org/case/investigation/",
    "uco-action": f"{_UCO}/action/",
    "uco-core": f"{_UCO}/core/",
    "uco-identity": f"{_UCO}/identity/",
    "uco-observable": f"{_UCO}/observable/",
    "uco-types": f"{_UCO}/types/",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}
#: Version 5 needs a namespace of our own; made once, at random.
_NAMESPACE = uuid.UUID("6f1f6a2c-0f9b-4c6e-9a54-7f1f7f0a3c11")


def graph(material: Material) -> dict[str, Any]:
    """Return the JSON-LD document of one package."""
    made = _Nodes(material)
    for call in material.calls:
        made.call(call)
    for row in material.path:
        made.hand_over(row)
    made.investigation()
    return {"@context": _CONTEXT, "@graph": list(made.nodes.values())}


class _Nodes:
    """The nodes so far, by identifier, in the order in which they were made."""

    def __init__(self, material: Material) -> None:
        self._material = material
        self.nodes: dict[str, dict[str, Any]] = {}

    def _id(self, kind: str, what: str) -> str:
        name = f"{self._material.matter.package_id}/{kind}/{what}"
        return f"kb:{uuid.uuid5(_NAMESPACE, name)}"

    def _node(self, kind: str, what: str, node_type: str, members: dict[str, Any]) -> dict[str, str]:
        """Make a node once and return the reference to it."""
        found = self._id(kind, what)
        if found not in self.nodes:
            self.nodes[found] = {"@id": found, "@type": node_type, **members}
        return {"@id": found}

    def _facet(self, kind: str, what: str, facet: str, members: dict[str, Any]) -> dict[str, Any]:
        return {"@id": self._id(f"{kind}-facet", f"{what}/{facet}"), "@type": f"uco-observable:{facet}", **members}

    def account(self, number: str) -> dict[str, str]:
        """Return the telephone account of a number as the package shows it."""
        facet = self._facet("account", number, "PhoneAccountFacet", {"uco-observable:phoneNumber": number})
        return self._node("account", number, "uco-observable:PhoneAccount", {"uco-core:hasFacet": [facet]})

    def provider(self, spc: str, name: str) -> dict[str, str]:
        """Return the organisation of a provider."""
        members = {"uco-core:name": name or spc, "uco-core:description": f"Voice service provider, code {spc}"}
        return self._node("provider", spc or name, "uco-identity:Organization", members)

    def call(self, call: Call) -> None:
        """Add one call with its two numbers."""
        fields = call.fields
        facet: dict[str, Any] = {"uco-observable:callType": "voice"}
        if at := fields.get("call_at"):
            facet["uco-observable:startTime"] = {"@type": "xsd:dateTime", "@value": at}
        if calling := fields.get("calling"):
            facet["uco-observable:from"] = self.account(calling)
        if called := fields.get("called"):
            facet["uco-observable:to"] = self.account(called)
        if duration := fields.get("duration_ms"):
            facet["uco-observable:duration"] = round(duration / 1000)
        self._node(
            "call", call.record_id, "uco-observable:Call",
            {
                "uco-core:name": call.record_id,
                "uco-core:description": f"SHA-256 of the octets as received: {call.raw_sha256}",
                "uco-core:hasFacet": [self._facet("call", call.record_id, "CallFacet", facet)],
            },
        )  # fmt: skip

    def hand_over(self, row: Any) -> None:
        """Add one answer of a provider as an investigative action with who gave it and what it names."""
        if not row["answer"]:
            return
        result = [self.provider(row["upstream_spc"], row["upstream"])] if row["upstream_spc"] else []
        members: dict[str, Any] = {
            "uco-core:name": f"{row['traceback_id']} hop {row['hop']}",
            "uco-core:description": f"Asked who handed over the call; answered {row['answer']}.",
            "uco-action:performer": self.provider(row["provider_spc"], row["provider"]),
        }
        if row["asked_at"]:
            members["uco-action:startTime"] = {"@type": "xsd:dateTime", "@value": row["asked_at"]}
        if row["answered_at"]:
            members["uco-action:endTime"] = {"@type": "xsd:dateTime", "@value": row["answered_at"]}
        if result:
            members["uco-action:result"] = result
        self._node("answer", row["question_id"], "case-investigation:InvestigativeAction", members)

    def investigation(self) -> None:
        """Add the matter, with every node as its object."""
        matter, campaigns = self._material.matter, self._material.campaigns
        self._node(
            "matter", matter.process_id, "case-investigation:Investigation",
            {
                "uco-core:name": f"{matter.request.case_number}: {', '.join(one.name for one in campaigns)}",
                "uco-core:description": f"Headwater package {matter.package_id} for {matter.agency}",
                "uco-core:object": [{"@id": found} for found in self.nodes],
            },
        )  # fmt: skip

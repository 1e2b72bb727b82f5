"""README.txt of a package: what is in it and how to check it, for a reader who has never seen one."""

from textwrap import fill

from headwater.evidence.material import Material, spoken
from headwater.evidence.parts.cover import finding
from headwater.evidence.parts.declaration import ringing_sentences

_TEXT = """\
HEADWATER EVIDENCE PACKAGE {package}

{intro}

{finding}

{ringing}

WHAT IS IN IT
  cover.pdf               matter, process, scope, finding, what is not here
  declaration-draft.pdf   draft under 28 U.S.C. 1746 for the custodian; NOT SIGNED
  Every table is here twice, as .json for programs and as .csv for people; both say the same.
  call-path.pdf/.json     the paths of all traced calls in one picture, and as nodes and edges
  certifications-902.pdf  forms under Fed. R. Evid. 902(11), (13), (14) for the custodian; NOT SIGNED
  process.json            the process, its scope, what of it was accepted, hashes of its documents
  campaigns.json/.csv     each campaign in the scope: what it is, how it was found, whether it rang at sealing
  limits.json             what a reader must know, facts that cut against the case included
  traceback-table.csv/.json the same with the call's time (UTC and local), numbers, attestation, outcome
  figures.csv/.json       every figure that is more than a count: value, 95% interval, method, what it is not
  provider-path.csv/.json one row for each question to a provider: asked, answered, took, from whom
  tracebacks.json/.csv    each traced call, its outcome in words, remarks
  notices.csv/.json       which provider was told of which call when and how, when it saw it
  relief-notices.csv/.json the letters that told providers to stop: sent, opened, answered; notices/ the letters;
                          relief-deliveries.csv: every delivery with its proof
  relief.csv/.json        who can stop the calls today and by what; relief-numbers.csv: calling numbers
  providers/              a dossier of each provider that was asked: register, answers by role, remarks
  answers/                each answer as it came in. .jws is signed by the provider, .form was typed
    index.json            what each answer says, its SHA-256 at receipt
    provider-keys.json    the keys that the providers registered, to check the signatures with
  signatures/             STIR/SHAKEN: what was judged of each signed call then, every check (index.json);
                          *.identity the headers as received, *.cer the certificates
  calls/members.csv/.json every call in the scope, with its campaign and why it belongs to it
  calls/*.json            a call example as read;  calls/*.raw the octets as they were received
  transcripts/            the words of each call example;  recordings/ what was recorded of it
  timeline.csv/.json      what happened when
  custody-log.jsonl       who did and saw what, each entry with its place in the audit's hash chain
  audit-proofs.json       for each of those entries, the path that proves it to be in the whole audit
  audit-checkpoint.json   the audit's root and size when it was signed; audit-key.pem: by which key
  withheld.json           what is not in the package, how much, and why
  exports/                case-uco.jsonld for forensic tools; load.dat and load.opt for review platforms;
                          vcon/: each call example as a conversation file, its recording inside
  verify.pyz              the verifier: a program that needs Python 3.11 or later and nothing else
  evidence-key.pem        the public key that seals it: {key}
  paper-certificate.pem   the certificate that signs each PDF (PAdES), so that a PDF taken out keeps its proof
  manifest.json           size, SHA-256 and Bates numbers of every file
  manifest.tsr            where there is one: a time stamp (RFC 3161) of an authority over manifest.json
  manifest.sig            the seal: an Ed25519 signature over manifest.json, and manifest.tsr after it

HOW TO CHECK IT
  unzip {package}.zip verify.pyz
  python3 verify.pyz {package}.zip --key CUSTODIAN.pem
  It needs no network. It lists every check and names the file in which one octet was changed.
  Get CUSTODIAN.pem from the custodian by another way than this package: a key proves who sealed
  a package only if you know whose key it is. Who does not trust this copy of the verifier gets it
  from the custodian too; `headwater evidence verify` is the same program.

  A PDF alone: any PDF reader shows its signature, or: pdfsig cover.pdf. They are PDF/A-1b.

  By hand, with common tools: unzip it, take the SHA-256 of any file (sha256sum FILE) and compare it
  with the line in manifest.json.

HOW TO READ IT
  Times are UTC. Numbers of called parties are {numbers}.
  A letter that the faces of the PDFs lack stands there as its Unicode number, [U+4E2D]; tables hold it itself.
  CSV cells that begin like a formula carry an apostrophe, so that no spreadsheet runs them.
  Nothing in the ZIP is compressed: every octet of it is covered by the check.
"""


def octets(material: Material, key_id: str) -> bytes:
    """Return README.txt."""
    matter = material.matter
    numbers = "open in full, as the process was accepted" if matter.grant.called_numbers else "masked"
    intro = (
        f"Sealed {spoken(material.sealed_at)} by Headwater {material.software} for {matter.agency}, under "
        f"{matter.process_type} {matter.process_id}, case {matter.request.case_number}."
    )
    text = _TEXT.format(
        package=matter.package_id,
        intro=_wrapped(intro),
        finding=_wrapped(finding(material)),
        ringing="\n".join(_wrapped(sentence) for sentence in ringing_sentences(material)),
        key=key_id,
        numbers=numbers,
    )
    return text.encode("utf-8", "replace")


def _wrapped(text: str) -> str:
    # An identifier must not be broken at its dash.
    return fill(text, 96, break_on_hyphens=False)

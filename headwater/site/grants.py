"""Which process may do what with which table. Applied after every migration; what is not written here is refused.

Each process signs in to PostgreSQL as its own role (``site.config.Process``). ``headwater_admin`` owns the tables and
needs no grants. Letters: S select, I insert, U update, D delete. A test holds the matrix complete: a table that is
missing here fails it.
"""

from dataclasses import dataclass

from django.db import connections, transaction
from django.db.backends.utils import CursorWrapper

from headwater.site.config import Process

VERBS = {"S": "SELECT", "I": "INSERT", "U": "UPDATE", "D": "DELETE"}
SERVED = (Process.CALLS, Process.DESK, Process.PORTAL, Process.CARRIER, Process.PUBLIC, Process.WORK)

C, D, P, A, W = Process.CALLS, Process.DESK, Process.PORTAL, Process.CARRIER, Process.WORK
#: The public pages read what was published, and nothing that it was made from.
PUBLIC = Process.PUBLIC
NOBODY: dict[Process, str] = {}

#: Table -> process -> letters.
TABLES: dict[str, dict[Process, str]] = {
    # Django's own: migrations are run by the owner; groups and permissions of Django are not used.
    "auth_group": NOBODY,
    "auth_group_permissions": NOBODY,
    "auth_permission": NOBODY,
    "django_content_type": NOBODY,
    "django_migrations": NOBODY,
    # Audit: written through audit_append alone. The worker signs checkpoints and puts custody logs into packages.
    "audit_entry": {D: "S", W: "S"},
    "audit_head": {D: "S", W: "S"},
    # The outbox: whoever causes a message queues it; the worker alone reads texts and delivers.
    "outbox_message": {D: "SI", P: "SI", A: "SI", W: "SIU"},
    "outbox_messagefile": {D: "I", P: "I", A: "I", W: "SID"},
    "outbox_attempt": {D: "S", W: "SI"},
    # Accounts. Rows are restricted further by POLICIES.
    "accounts_organisation": {C: "S", D: "SI", P: "S", A: "S", W: "S"},
    "accounts_user": {D: "SI", P: "SI", A: "SI", W: "S"},
    "accounts_machinecredential": {C: "S", D: "SI", P: "SI", A: "SI"},
    "accounts_verifieddomain": {D: "SI"},
    # Only the desk invites; the worker mails new-password links; where the link is opened, it is used up.
    "accounts_invitation": {D: "SI", P: "S", A: "S", W: "SI"},
    "accounts_contactcheck": {D: "SI", P: "SI", A: "SI"},
    "accounts_deputy": {D: "SI", P: "SI", A: "SI"},
    "accounts_handover": {D: "SI", P: "SI", A: "SI"},
    "accounts_identityprovider": {D: "SIU", P: "S", A: "S"},
    "accounts_externalidentity": {D: "SID", P: "SI", A: "SI"},
    "accounts_usedassertion": {D: "SI", P: "SI", A: "SI", W: "SD"},
    # An organisation's own people manage its endpoints; who causes an event looks up who wants it.
    "accounts_webhookendpoint": {D: "S", P: "SIU", A: "SIU", W: "SU"},
    "mfa_authenticator": {D: "SIUD", P: "SIUD", A: "SIUD"},
    # allauth looks for further addresses of a person at sign-in; there are none.
    "account_emailaddress": {D: "S", P: "S", A: "S"},
    "account_emailconfirmation": NOBODY,
    # Sessions and counters of each application are its own.
    "accounts_desksession": {D: "SIUD"},
    "accounts_portalsession": {P: "SIUD"},
    "accounts_carriersession": {A: "SIUD"},
    "web_cache_desk": {D: "SIUD"},
    "web_cache_portal": {P: "SIUD"},
    "web_cache_carrier": {A: "SIUD"},
    # Providers. The carrier door checks signatures and notes when an agent was seen; used tokens are never reusable.
    "providers_provider": {D: "S", P: "S", A: "S", W: "S"},
    "providers_providerkey": {A: "S", W: "S"},
    "providers_contact": {D: "S", A: "SIU", W: "S"},
    "providers_usedtoken": {A: "SI", W: "SD"},
    # Registries are public; the operator's command line loads them.
    "providers_registryload": {D: "S", W: "S"},
    "providers_registryentry": {D: "S", A: "S", W: "S"},
    # Uploads: a carrier's people bring and confirm files, the worker stores their rows.
    "uploads_upload": {A: "SIU", W: "SU"},
    # Connectors: asked by the worker, looked at at the desk.
    "connectors_connector": {D: "S", W: "SIU"},
    "connectors_pull": {D: "S", W: "SID"},
    # Signers: judged by the worker; the desk reads, decides hosts and brings certificates.
    "signers_signature": {D: "S", W: "SIU"},
    "signers_signerhour": {D: "S", A: "S", W: "SIU"},
    "signers_certificate": {D: "SI", A: "S", W: "SIU"},
    "signers_address": {D: "SI", A: "S", W: "SIU"},
    "signers_host": {D: "SIU", W: "SIU"},
    "signers_verifiercheckpoint": {D: "S", W: "SIU"},
    # Campaigns: found by the worker, named by the desk, read by those whom they are told to.
    "campaigns_campaign": {D: "S", P: "S", A: "S", W: "SIU"},
    "campaigns_campaignedit": {D: "SI", W: "SIU"},
    # Weights are learnt and adopted by the operator's command line; the detector reads them.
    "campaigns_learntweights": {W: "S"},
    "campaigns_campaignmember": {D: "S", P: "S", W: "SIU"},
    "campaigns_campaignexemplar": {D: "S", P: "S", W: "SIUD"},
    "campaigns_campaignnode": {D: "S", W: "SIUD"},
    "campaigns_campaignsignal": {D: "S", W: "SIU"},
    "campaigns_campaignstatechange": {D: "S", P: "S", W: "SI"},
    "campaigns_detectorcheckpoint": {D: "S", P: "S", W: "SIU"},
    "campaigns_setasidecall": {D: "S", W: "SI"},
    "campaigns_recordingtranscript": {D: "S", W: "SIU"},
    "campaigns_awaitedcall": {W: "SIU"},
    "campaigns_joinedreport": {D: "S", W: "SIU"},
    # Tracebacks: the engine runs in the worker and, where a person opens one, at the desk. A carrier sees its questions
    # and hands in answers; it changes nothing that stands.
    "tracebacks_traceback": {D: "SIU", A: "S", W: "SIU"},
    "tracebacks_tracebackevent": {D: "SI", A: "S", W: "SI"},
    "tracebacks_hop": {D: "SIU", A: "S", W: "SIU"},
    # The worker writes the answers that it makes of deposits.
    "tracebacks_answer": {D: "S", A: "SI", W: "SI"},
    "tracebacks_viewing": {D: "S", A: "SI", W: "S"},
    # Mails, reminders and one-time links are the worker's; a link is opened and spent in the carrier process.
    "tracebacks_telling": {D: "S", W: "SI"},
    "tracebacks_tellingclock": {W: "SIU"},
    # Who of the desk is mailed of overdue questions says so there; the worker mails.
    "tracebacks_dutyperson": {D: "SID", W: "S"},
    "tracebacks_deskmail": {W: "SI"},
    "tracebacks_answerlink": {A: "S", W: "SI"},
    "tracebacks_answersheet": {D: "S", A: "SI"},
    # Agents publish roots at the carrier application; packages quote them.
    "tracebacks_carrierroot": {D: "S", A: "SI", W: "S"},
    # A blind search is opened and closed by the engine; agents are shown it, and hand in what they found.
    "tracebacks_blindsearch": {A: "S", W: "SIU"},
    "tracebacks_blindhit": {A: "SI", W: "S"},
    # Deposits come in at the carrier application, which cannot read them back; the worker opens and forgets them.
    "tracebacks_depositepoch": {A: "SI", W: "S"},
    "tracebacks_deposit": {A: "I", W: "SD"},
    "tracebacks_forwardtracing": {D: "SIU", A: "S", W: "SU"},
    # Questions about numbers follow the trace; a carrier notes that it saw its own, and hands in answers.
    "tracebacks_forwardquestion": {D: "SIU", A: "S", W: "SIU"},
    "tracebacks_forwardanswer": {D: "S", A: "SI", W: "S"},
    "tracebacks_refusedanswer": {D: "S", A: "SI", W: "S"},
    "tracebacks_flag": {D: "SI", A: "S", W: "SI"},
    # Conduct: assessed by the worker, at the desk where a dispute is decided; a provider disputes its own record.
    "conduct_conductflag": {D: "SI", A: "S", W: "SI"},
    "conduct_recorddispute": {D: "SU", A: "SIU", W: "S"},
    "conduct_publication": {D: "SI", PUBLIC: "S", W: "SI"},
    # Trends: the roll-up is written by the trigger of whoever writes members; forecasts by the worker.
    "trends_trendhour": {D: "S", P: "S", W: "SIUD"},
    "trends_forecast": {D: "S", P: "S", W: "SIU"},
    # Alerts: sent by the worker, read by agencies.
    "alerts_alert": {D: "S", P: "S", W: "SI"},
    "alerts_alertversion": {D: "S", P: "S", W: "SI"},
    "alerts_feedobject": {P: "S", W: "SI"},
    "alerts_sending": {D: "S", P: "S", W: "SI"},
    # An agency's people subscribe and end; the worker notes until when it gathered.
    "alerts_subscription": {D: "S", P: "SIU", W: "SU"},
    # Cases: each organisation its own; POLICIES keep the desk from agencies' cases and the portal from the
    # consortium's. The worker alone reads what a matter points at; the portal can delete pointers, not read them.
    "cases_case": {D: "SIU", P: "SIU", W: "S"},
    "cases_casemember": {D: "SIU", P: "SIU"},
    "cases_caseitem": {D: "SIU", P: "SIU", W: "S"},
    "cases_casenote": {D: "SI", P: "SI"},
    "cases_casetask": {D: "SIU", P: "SIU"},
    "cases_casedocument": {D: "SI", P: "SI"},
    "cases_caserequest": {P: "SI"},
    "cases_jointcase": {P: "SI"},
    "cases_jointparty": {P: "SIU"},
    "cases_jointnote": {P: "SI"},
    "cases_consent": {P: "SIU", W: "S"},
    "cases_matter": {P: "SIU", W: "SU"},
    "cases_pointer": {P: "D", W: "SID"},
    "cases_match": {P: "SD", W: "SID"},
    # Legal process: drafted and served in the portal, decided at the desk, produced by the worker. No carrier sees it.
    "legal_legalprocess": {D: "SU", P: "SIU", W: "SU"},
    "legal_processdocument": {D: "S", P: "SID", W: "S"},
    "legal_processstatechange": {D: "SI", P: "SI", W: "SI"},
    "legal_processsubject": {D: "SU", P: "SID", W: "S"},
    "legal_processperson": {D: "S", P: "SIU", W: "S"},
    "legal_processletter": {D: "SI", P: "SI", W: "SI"},
    "legal_processextension": {D: "SIU", P: "SIU", W: "S"},
    # Reports: brought in the portal, sent and traced by the worker; the desk decides what waits.
    "reports_agencyreport": {D: "SU", P: "SIU", W: "SU"},
    "reports_reportedcall": {D: "S", P: "S", W: "SI"},
    # Legal holds: set by the operator's command line; the worker keeps their records complete, and the process that
    # deletes calls reads what it must not delete, and nothing of campaigns or legal process.
    "retention_legalhold": {C: "S", D: "SI", W: "SI"},
    # Packages: asked for at the desk, sealed by the worker, fetched in the portal.
    "evidence_package": {D: "SIU", P: "S", W: "SU"},
    "evidence_publicversion": {D: "SI", P: "S", W: "SU"},
    # Relief: notices and measures by the desk; a provider answers its own notices and changes nothing else of them.
    "relief_notice": {D: "SI", A: "S", W: "S"},
    "relief_noticedelivery": {D: "SI", W: "S"},
    "relief_noticedocument": {D: "SI", A: "S", W: "S"},
    "relief_noticereport": {D: "S", A: "SI", W: "S"},
    "relief_measure": {D: "SI", P: "S", A: "I", W: "S"},
    "relief_blockentry": {D: "SIU", A: "S", W: "SU"},
    "relief_blockappeal": {D: "SIU", A: "SI", W: "S"},
    "relief_feedversion": {D: "S", PUBLIC: "S", W: "SIUD"},
    "relief_packageaddendum": {D: "SI", P: "SI", W: "SU"},
    # What the public reads: totals that the worker made.
    "publication_publishedweek": {D: "S", PUBLIC: "S", W: "SIU"},
    # Jobs: who asks for one inserts it and its first event; the worker does the rest.
    "procrastinate_jobs": {D: "SI", P: "SI", A: "SI", W: "SIUD"},
    "procrastinate_events": {D: "I", P: "I", A: "I", W: "SIUD"},
    "procrastinate_periodic_defers": {W: "SIUD"},
    "procrastinate_workers": {W: "SIUD"},
}

_OWN_ACCOUNT = ("password", "last_login", "session_salt", "confirmed_at", "is_active")
_LINK_USED = ("accepted_at", "revoked_at", "person_id")
_CREDENTIAL = ("secret_sha256", "previous_sha256", "previous_until", "issued_by", "rotated_at", "revoked_at")

#: Table -> process -> columns that it may update, and no other.
COLUMNS: dict[str, dict[Process, tuple[str, ...]]] = {
    # A person changes their own password; sign-in notes when. The desk alone gives roles and opens closed accounts; a
    # trigger keeps it from the passwords of others' people.
    "accounts_user": {D: (*_OWN_ACCOUNT, "role"), P: _OWN_ACCOUNT, A: _OWN_ACCOUNT},
    "accounts_organisation": {D: ("name", "state", "address", "time_zone", "called_numbers")},
    "accounts_verifieddomain": {D: ("withdrawn_at",)},
    "accounts_invitation": {
        D: _LINK_USED,
        P: _LINK_USED,
        A: _LINK_USED,
        W: ("revoked_at",),
    },
    "accounts_contactcheck": {
        D: ("wrong_codes", "passed_at", "ended_at"),
        P: ("wrong_codes", "passed_at", "ended_at"),
        A: ("wrong_codes", "passed_at", "ended_at"),
    },
    "accounts_deputy": {D: ("ended_at",), P: ("ended_at",), A: ("ended_at",)},
    "accounts_machinecredential": {
        C: ("last_used_at",),
        D: _CREDENTIAL,
        P: (*_CREDENTIAL, "last_used_at"),
        A: (*_CREDENTIAL, "last_used_at"),
    },
    "alerts_alert": {P: ("first_read_at",)},
    "campaigns_campaign": {D: ("name", "name_status", "priority", "allowed_because")},
    "campaigns_campaignedit": {D: ("undo_asked_at", "undo_by")},
    "providers_provider": {A: ("agent_seen_at",)},
    "tracebacks_answerlink": {A: ("opened_at", "used_at", "answer_id")},
    "tracebacks_forwardquestion": {A: ("seen_at", "seen_by")},
    "tracebacks_forwardanswer": {W: ("taken_at", "refused_because")},
    "conduct_conductflag": {D: ("ended_at", "ended_because"), W: ("ended_at", "ended_because")},
    "accounts_webhookendpoint": {W: ("paused_at", "pause_reason")},
    "signers_certificate": {D: ("last_seen_at",)},
    "signers_address": {D: ("last_had_at",)},
    "retention_legalhold": {
        W: ("record_ids", "refreshed_at", "released_at", "released_by", "release_reason"),
        D: ("released_at", "released_by", "release_reason"),
    },
    "relief_notice": {A: ("state", "seen_at", "seen_by", "acknowledged_at", "acknowledged_by")},
}

_MESSAGE = (
    "id",
    "key",
    "way",
    "about",
    "endpoint",
    "organisation_id",
    "state",
    "attempts",
    "created_at",
    "settled_at",
    "receipt",
)

_DEPOSIT = ("id", "provider_id", "records", "received_at")

#: Table -> process -> columns that it may read, and no other.
READ_COLUMNS: dict[str, dict[Process, tuple[str, ...]]] = {
    # A message's text may hold a one-time link; other people's addresses are nobody's business outside the desk.
    "outbox_message": {D: (*_MESSAGE, "address", "subject", "kind"), P: _MESSAGE, A: _MESSAGE},
    # What an agency's people did, without what they looked for; POLICIES keep it to agencies.
    "audit_entry": {P: ("seq", "at", "actor", "organisation", "tag", "subject")},
    "accounts_webhookendpoint": {D: ("id", "organisation_id", "url", "kinds", "paused_at", "removed_at")},
    # An alert says how far a campaign's calls were traced, not the path: that follows an accepted process.
    # INSERT ... RETURNING id: a provider's report is a measure, whose number goes to the audit.
    "relief_measure": {A: ("id",)},
    # DELETE ... WHERE matter_id needs it; what the pointer is stays the worker's.
    "cases_pointer": {P: ("matter_id",)},
    "tracebacks_traceback": {P: ("id", "campaign_id", "state", "grade", "origin_id")},
    # How much is deposited, and never what.
    "tracebacks_deposit": {D: _DEPOSIT, A: (*_DEPOSIT, "epoch", "root", "key_id", "deposited_at")},
    # Who deposits: the question must be looked up there.
    "tracebacks_depositepoch": {D: ("id", "provider_id")},
}

#: View -> who may read it. A view reads what lies behind it with the rights of its owner.
VIEWS: dict[str, tuple[Process, ...]] = {
    "legal_open_process": (),
    "legal_opened_campaign": (),
    "legal_scoped_call": (P,),
    "legal_scoped_forward": (P,),
    "legal_scoped_hop": (P,),
    "legal_scoped_traceback": (P,),
}

#: Sequences of procrastinate (bigserial): numbers for those who insert.
SEQUENCES: dict[str, tuple[Process, ...]] = {
    "procrastinate_jobs_id_seq": (D, P, A, W),
    "procrastinate_events_id_seq": (D, P, A, W),
    "outbox_messagefile_id_seq": (D, P, A, W),
    "outbox_attempt_id_seq": (W,),
    "procrastinate_periodic_defers_id_seq": (W,),
}

#: Function name -> who may call it, whatever its arguments. Trigger functions need no grant.
FUNCTIONS: dict[str, tuple[Process, ...]] = {
    "audit_append": tuple(process for process in SERVED if process is not PUBLIC),
    "procrastinate_defer_jobs_v1": (D, P, A, W),
}


@dataclass(frozen=True, slots=True)
class Policy:
    """Which rows of a table a process sees and writes."""

    table: str
    process: Process
    sees: str
    """SQL condition on rows that it may read."""
    writes: str
    """SQL condition that a row must meet after it was written."""
    changes: str
    """SQL condition on rows that it may change or delete, as they stand before."""
    inserts: str = ""
    """SQL condition that a new row must meet; as ``writes`` where it is not given."""


def _kind(column: str, kind: str) -> str:
    return f"EXISTS (SELECT 1 FROM accounts_organisation o WHERE o.id = {column} AND o.kind = '{kind}')"  # noqa: S608 - our words


def _owner(kind: str, column: str = "user_id") -> str:
    return (
        "EXISTS (SELECT 1 FROM accounts_user u JOIN accounts_organisation o "  # noqa: S608 - our words
        f"ON o.id = u.organisation_id WHERE u.id = {column} AND o.kind = '{kind}')"
    )


def _of_case(kind: str) -> str:
    return (
        "EXISTS (SELECT 1 FROM cases_case c JOIN accounts_organisation o "  # noqa: S608 - our words
        f"ON o.id = c.organisation_id WHERE c.id = case_id AND o.kind = '{kind}')"
    )


#: What hangs on a case.
_OF_CASES = ("casemember", "caseitem", "casenote", "casetask", "casedocument")

AUDIENCE = {D: "consortium", P: "agency", A: "provider"}

_DESK, _PORTAL, _CARRIER = (_kind("organisation_id", AUDIENCE[process]) for process in (D, P, A))
#: A new account is one that the desk invited, as it was invited, and nothing is open to it yet.
_INVITED = (
    "accounts_user.confirmed_at IS NULL AND EXISTS (SELECT 1 FROM accounts_invitation i "
    "WHERE i.organisation_id = accounts_user.organisation_id AND i.email = accounts_user.email "
    "AND i.role = accounts_user.role AND i.purpose = 'join' AND i.accepted_at IS NULL AND i.revoked_at IS NULL "
    "AND i.expires_at > now())"
)
#: States that the portal may put a process into; to accept one and to produce it are not among them.
_PORTAL_STATES = "state IN ('draft', 'served', 'identity_checked', 'under_review', 'deficient', 'withdrawn')"

POLICIES: tuple[Policy, ...] = (
    # Each application signs in its own audience, and makes an account only where the desk's invitation stands. The
    # desk looks after everybody's accounts; a trigger keeps it from the passwords of others' people.
    Policy("accounts_user", D, sees="true", writes="true", changes="true", inserts=f"{_DESK} AND {_INVITED}"),
    Policy("accounts_user", P, sees=_PORTAL, writes=_PORTAL, changes=_PORTAL, inserts=f"{_PORTAL} AND {_INVITED}"),
    Policy("accounts_user", A, sees=_CARRIER, writes=_CARRIER, changes=_CARRIER, inserts=f"{_CARRIER} AND {_INVITED}"),
    Policy("accounts_user", W, sees="true", writes="false", changes="false"),
    *(
        Policy("mfa_authenticator", process, sees=_owner(kind), writes=_owner(kind), changes=_owner(kind))
        for process, kind in AUDIENCE.items()
        if process is not D
    ),
    # The desk takes away a second factor that somebody lost, and adds or changes its own people's alone.
    Policy("mfa_authenticator", D, sees="true", writes=_owner(AUDIENCE[D]), changes="true"),
    *(
        Policy(table, process, sees=own, writes=own, changes=own)
        for process, own in ((P, _PORTAL), (A, _CARRIER))
        for table in ("accounts_machinecredential", "accounts_invitation", "accounts_identityprovider")
    ),
    *(
        Policy(table, process, sees=_owner(kind, column), writes=_owner(kind, column), changes=_owner(kind, column))
        for process, kind in AUDIENCE.items()
        if process is not D
        for table, column in (
            ("accounts_contactcheck", "person_id"),
            ("accounts_externalidentity", "person_id"),
            ("accounts_deputy", "person_id"),
            ("accounts_handover", "leaver_id"),
        )
    ),
    *(
        Policy(table, D, sees="true", writes="true", changes="true")
        for table in (
            "accounts_machinecredential",
            "accounts_invitation",
            "accounts_identityprovider",
            "accounts_contactcheck",
            "accounts_externalidentity",
            "accounts_deputy",
            "accounts_handover",
        )
    ),
    Policy("accounts_machinecredential", C, sees="true", writes="true", changes="true"),
    Policy(
        "accounts_invitation",
        W,
        sees="purpose = 'password'",
        writes="purpose = 'password'",
        changes="purpose = 'password'",
    ),
    Policy("accounts_webhookendpoint", P, sees=_PORTAL, writes=_PORTAL, changes=_PORTAL),
    Policy("accounts_webhookendpoint", A, sees=_CARRIER, writes=_CARRIER, changes=_CARRIER),
    Policy("accounts_webhookendpoint", D, sees="true", writes="false", changes="false"),
    Policy("accounts_webhookendpoint", W, sees="true", writes="true", changes="true"),
    Policy("alerts_subscription", P, sees=_PORTAL, writes=_PORTAL, changes=_PORTAL),
    Policy("alerts_subscription", D, sees="true", writes="false", changes="false"),
    Policy("alerts_subscription", W, sees="true", writes="true", changes="true"),
    Policy("audit_entry", P, sees=_kind("organisation", AUDIENCE[P]), writes="false", changes="false"),
    *(Policy("audit_entry", process, sees="true", writes="false", changes="false") for process in (D, W)),
    # An agency's cases are not there for the desk, nor the consortium's for the portal.
    *(
        Policy("cases_case", process, sees=rule, writes=rule, changes=rule)
        for process, rule in ((D, _DESK), (P, _PORTAL))
    ),
    *(
        Policy(f"cases_{name}", process, sees=rule, writes=rule, changes=rule)
        for name in _OF_CASES
        for process, rule in ((D, _of_case(AUDIENCE[D])), (P, _of_case(AUDIENCE[P])))
    ),
    Policy("cases_caserequest", P, sees=_PORTAL, writes=_PORTAL, changes="false"),
    *(Policy(f"cases_{name}", W, sees="true", writes="false", changes="false") for name in ("case", "caseitem")),
    Policy("legal_legalprocess", P, sees="true", writes=_PORTAL_STATES, changes="true"),
    Policy("legal_legalprocess", D, sees="true", writes="true", changes="true"),
    # What was opened is the desk's to say: the portal names subjects, and takes away those of its drafts.
    Policy("legal_processsubject", P, sees="true", writes="NOT granted", changes="NOT granted"),
    Policy("legal_processsubject", D, sees="true", writes="true", changes="true"),
    Policy("legal_processsubject", W, sees="true", writes="true", changes="true"),
    Policy("legal_legalprocess", W, sees="true", writes="true", changes="true"),
)


def apply_grants(using: str = "default") -> None:
    """Take every right away from every process and give those above, in one transaction: no moment without a rule."""
    connection = connections[using]
    with transaction.atomic(using=using), connection.cursor() as cursor:
        _revoke(cursor)
        _grant(cursor)
        _restrict_rows(cursor)


def _revoke(cursor: CursorWrapper) -> None:
    roles = ", ".join(process.database_role for process in SERVED)
    for what in ("TABLES", "SEQUENCES", "FUNCTIONS"):
        cursor.execute(f"REVOKE ALL ON ALL {what} IN SCHEMA public FROM PUBLIC, {roles}")
    # Column grants are not taken away by the above.
    cursor.execute(
        """
        SELECT DISTINCT grantee, table_name, column_name
        FROM information_schema.column_privileges
        WHERE table_schema = 'public' AND grantee LIKE 'headwater\\_%%' AND grantee <> %s
        """,
        [Process.ADMIN.database_role],
    )
    for role, table, column in cursor.fetchall():
        cursor.execute(f'REVOKE ALL ("{column}") ON "{table}" FROM "{role}"')
    # What a later migration creates starts with nothing, too.
    cursor.execute("ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE ALL ON FUNCTIONS FROM PUBLIC")


def _grant(cursor: CursorWrapper) -> None:
    _grant_tables(cursor)
    _grant_functions(cursor)


def _grant_tables(cursor: CursorWrapper) -> None:
    cursor.execute(f"GRANT USAGE ON SCHEMA public TO {', '.join(process.database_role for process in SERVED)}")
    for table, processes in TABLES.items():
        for process, letters in processes.items():
            verbs = ", ".join(VERBS[letter] for letter in letters)
            cursor.execute(f"GRANT {verbs} ON {table} TO {process.database_role}")
    for table, columns in COLUMNS.items():
        for process, names in columns.items():
            cursor.execute(f"GRANT UPDATE ({', '.join(names)}) ON {table} TO {process.database_role}")
    for table, columns in READ_COLUMNS.items():
        for process, names in columns.items():
            cursor.execute(f"GRANT SELECT ({', '.join(names)}) ON {table} TO {process.database_role}")
    for view, readers in VIEWS.items():
        for process in readers:
            cursor.execute(f"GRANT SELECT ON {view} TO {process.database_role}")
    for sequence, users in SEQUENCES.items():
        cursor.execute(f"GRANT USAGE ON SEQUENCE {sequence} TO {', '.join(u.database_role for u in users)}")


def _grant_functions(cursor: CursorWrapper) -> None:
    cursor.execute(
        """
        SELECT p.proname, p.oid::regprocedure::text
        FROM pg_proc p
        JOIN pg_namespace n ON n.oid = p.pronamespace
        WHERE n.nspname = 'public'
        """
    )
    for name, signature in cursor.fetchall():
        callers = FUNCTIONS.get(name, (W,) if name.startswith("procrastinate_") else ())
        if callers:
            cursor.execute(f"GRANT EXECUTE ON FUNCTION {signature} TO {', '.join(c.database_role for c in callers)}")


def _restrict_rows(cursor: CursorWrapper) -> None:
    cursor.execute("SELECT policyname, tablename FROM pg_policies WHERE schemaname = 'public'")
    for name, table in cursor.fetchall():
        cursor.execute(f'DROP POLICY "{name}" ON "{table}"')
    for table in sorted({policy.table for policy in POLICIES}):
        cursor.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    for policy in POLICIES:
        role = policy.process.database_role
        # Reading and writing are ruled apart: what may be read is not all that may be written.
        cursor.execute(f"CREATE POLICY {role}_reads ON {policy.table} FOR SELECT TO {role} USING ({policy.sees})")
        cursor.execute(
            f"CREATE POLICY {role}_inserts ON {policy.table} FOR INSERT TO {role} "
            f"WITH CHECK ({policy.inserts or policy.writes})"
        )
        cursor.execute(
            f"CREATE POLICY {role}_updates ON {policy.table} FOR UPDATE TO {role} "
            f"USING ({policy.changes}) WITH CHECK ({policy.writes})"
        )
        cursor.execute(f"CREATE POLICY {role}_deletes ON {policy.table} FOR DELETE TO {role} USING ({policy.changes})")

"""What each permission lets a person do, in plain words. A test holds it complete."""

from typing import Final

from headwater.accounts.permissions import Permission

P = Permission

PERMISSION_WORDS: Final[dict[Permission, str]] = {
    P.ACCOUNT_CONFIRM: "confirm a new colleague of your organisation",
    P.ACCOUNT_MANAGE: "manage every organisation, its people, credentials and identity providers",
    P.ACCOUNT_MANAGE_OWN: "look after the people and the machine credentials of your organisation",
    P.ALERT_READ: "read the alerts to your agency",
    P.AUDIT_READ: "read the whole audit",
    P.AUDIT_READ_OWN: "read what your organisation's people did",
    P.BLOCK_APPEAL: "say that an entry of the block feed is wrong",
    P.CALL_READ: "look up calls, called numbers masked",
    P.CAMPAIGN_ALERT: "tell agencies of a campaign",
    P.CAMPAIGN_EDIT: "merge and split campaigns, and mark lawful senders",
    P.CAMPAIGN_NAME: "name campaigns",
    P.CAMPAIGN_READ: "read campaigns",
    P.CASE_READ: "read the cases of your organisation of which you are a member",
    P.CASE_WRITE: "open cases and add to them",
    P.CONDUCT_ASSESS: "assess providers anew",
    P.CONDUCT_DECIDE: "decide disputes of providers' records",
    P.CONDUCT_DISPUTE: "dispute your provider's record",
    P.CONDUCT_PUBLISH: "publish a provider's record",
    P.CONDUCT_READ: "read providers' records",
    P.CONDUCT_READ_OWN: "read your provider's record",
    P.CONNECTOR_PULL: "ask a source now",
    P.CONTACT_WRITE: "say whom your provider wants to be asked and reminded",
    P.DECONFLICTION_MANAGE: "opt your agency, or one of its matters, in or out of deconfliction",
    P.EVENT_SEND: "send events",
    P.FILE_UPLOAD: "bring files of call records",
    P.HOLD_WRITE: "set and release legal holds on calls",
    P.NOTICE_ANSWER: "answer notices to your provider",
    P.NOTICE_SEND: "send notices to providers",
    P.OUTBOX_READ: "see which mails and webhooks left, without their texts",
    P.PACKAGE_DOWNLOAD: "download sealed packages",
    P.PACKAGE_SEAL: "have packages sealed",
    P.PROCESS_READ: "read legal process",
    P.PROCESS_REVIEW: "review and decide legal process",
    P.PROCESS_SUBMIT: "serve legal process",
    P.PROVIDER_READ: "read the register of providers",
    P.PROVIDER_WRITE: "change the register of providers",
    P.QUESTION_ANSWER: "answer the questions to your provider",
    P.QUESTION_READ: "read the questions to your provider",
    P.REGISTRY_WRITE: "load public registries",
    P.RELIEF_READ: "read what was done against a campaign",
    P.RELIEF_WRITE: "record measures and block entries",
    P.REPORT_READ: "read reports of calls by agencies: an agency its own",
    P.REPORT_SUBMIT: "report calls that your agency knows of, and ask for their tracebacks",
    P.SIGNER_READ: "read who signs calls",
    P.SIGNER_REVIEW: "decide hosts of certificates and bring certificates",
    P.TRACEBACK_OPEN: "open tracebacks",
    P.TRACEBACK_READ: "read tracebacks",
    P.WEBHOOK_MANAGE: "manage your organisation's webhooks",
}


def words_of(permission: Permission) -> str:
    """Return what ``permission`` lets a person do."""
    return PERMISSION_WORDS.get(permission, permission.value)

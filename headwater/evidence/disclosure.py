"""By which rule something is not in a package, and of which disclosure class it is. Pure.

Two classes stand everywhere: path data, which is shared, and customer identity, which follows legal process. Called
numbers are of a class of their own inside a package: a subscriber's, opened by an acceptance alone (47 U.S.C. 222).
"""

from enum import StrEnum


class DisclosureClass(StrEnum):
    """What kind of data is withheld."""

    PATH = "path data"
    CALLED_NUMBER = "called number"
    CUSTOMER_IDENTITY = "customer identity"
    OTHER_MATTER = "another agency's matter"
    PROCESS = "legal process"


class Rule(StrEnum):
    """Why it is withheld. The number is what a withheld list cites; ``RULE_WORDS`` says it in full."""

    TIME = "W1"
    CALLED_NUMBERS = "W2"
    CUSTOMER_IDENTITY = "W3"
    OTHER_AGENCIES = "W4"
    BOUND = "W5"
    GONE = "W6"
    CHANGED = "W7"
    PUBLIC = "W8"
    NARROWED = "W9"


RULE_WORDS = {
    Rule.TIME: "A package holds calls and tracebacks that the accepted process covers, and what tells of no others.",
    Rule.CALLED_NUMBERS: "A called number, and octets that hold one, are opened only where the acceptance says so.",
    Rule.CUSTOMER_IDENTITY: "Who a provider's customer is, and what may name one, is opened only where the process "
    "reaches it and the acceptance says so.",
    Rule.OTHER_AGENCIES: "What one agency does is not told to another, nor that it does anything.",
    Rule.BOUND: "A package is bounded in size; what is beyond the bound is counted, and a narrower scope reaches it.",
    Rule.GONE: "What is no longer kept when the package is sealed is named by its hash.",
    Rule.CHANGED: "What is kept but is not what was reported is left out, and the reported hash is stated.",
    Rule.NARROWED: "What was asked for and not accepted is not opened; the letter of the decision gives the reason.",
    Rule.PUBLIC: "A public version holds no called number, no octets as received, no recording, no transcript beyond "
    "what its papers quote, no name of who worked on the matter beyond its papers, and no file of the process.",
}

"""Which statements the query facade lets through: a SELECT on our own tables with known functions. Pure.

A read-only connection is not enough: on one, the embedded engine still reads any file of the machine by the scalar
function ``file()``, writes one with INTO OUTFILE, and kills queries. So what is not listed here is refused before the
engine sees it. Lists grow when a query of ours needs more.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from headwater.calls.rights import ALL, Rights
from headwater.errors import Forbidden


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


#: Longest statement, in characters: the engine's own bound.
LONGEST = 262_144

#: What the stock client asks when it connects.
SYSTEM_TABLES = frozenset({"settings", "one"})
#: What tells how the store stands (``health``), for a reader from whom nothing is withheld.
OPERATORS_TABLES = frozenset({"disks", "parts", "tables"})

FORMATS = _words(
    """Native TabSeparated TabSeparatedWithNames TabSeparatedWithNamesAndTypes TSV TSVWithNames CSV CSVWithNames JSON
    JSONCompact JSONEachRow JSONStringsEachRow Arrow ArrowStream Parquet RowBinary RowBinaryWithNamesAndTypes
    Null"""
)

FUNCTIONS = _words(
    """
    abs addDays addHours addMinutes addSeconds any anyLast argMax argMin array arrayCount arrayDistinct arrayElement
    arrayEnumerate arrayFilter arrayJoin arrayMap arraySort arraySum assumeNotNull avg avgIf base64Encode bitAnd
    bitOr bitXor cast ceil cityHash64 coalesce concat count countIf currentDatabase date_diff date_trunc dateDiff
    dateTrunc empty endsWith equals exp floor formatDateTime fromUnixTimestamp64Micro fromUnixTimestamp64Milli
    greater greatest groupArray groupUniqArray has hasAll hasAny hex if ifNull indexOf intDiv isNotNull isNull
    least left length less like log log2 lower map mapKeys mapValues max maxIf median min minIf modulo multiIf
    notEmpty notEquals now now64 nullIf positionCaseInsensitive pow quantile quantileExact quantiles replaceAll
    right round row_number rank SHA256 sipHash64 splitByChar sqrt startsWith stddevPop substring sum sumIf timezone
    toDate toDateTime toDateTime64 toDayOfWeek toDecimal64 toFixedString toFloat64 toHour toInt8 toInt16 toInt32
    toInt64 toMinute toStartOfDay toStartOfFifteenMinutes toStartOfFiveMinutes toStartOfHour toStartOfInterval
    toStartOfMinute toStartOfSecond toString toTypeName toUInt8 toUInt16 toUInt32 toUInt64 toUnixTimestamp
    toUnixTimestamp64Micro toUnixTimestamp64Milli toUUID toYYYYMMDD today topK tuple tupleElement unhex uniq
    uniqCombined uniqCombinedMerge uniqExact upper UUIDNumToString UUIDStringToNum version yesterday
    """.lower()
)

#: Words that may stand before a parenthesis without being functions: keywords, and types in a CAST.
_WORDS_BEFORE_PARENTHESIS = _words(
    """
    select distinct from prewhere where and or not in as on using by having limit offset union all except intersect
    case when then else between over partition order exists with any left join is interval is array nullable
    lowcardinality tuple map fixedstring datetime datetime64 decimal enum8 enum16
    """
)
_REFUSED_WORDS = frozenset({"into", "outfile", "settings", "explain", "describe", "show", "columns", "insert"})
_AFTER_TABLE = _words(
    """
    prewhere where group having order limit offset union except intersect format final sample join inner left right
    full cross any all asof semi anti global array on using window qualify with
    """
)


class RefusedStatement(Forbidden):
    """A statement holds something that readers may not do; the message names it."""


class _Kind(Enum):
    WORD = "word"
    QUOTED = "quoted name"
    STRING = "string"
    NUMBER = "number"
    PARAMETER = "parameter"
    SIGN = "sign"


@dataclass(frozen=True, slots=True)
class _Token:
    kind: _Kind
    text: str

    @property
    def is_name(self) -> bool:
        return self.kind in {_Kind.WORD, _Kind.QUOTED}

    @property
    def word(self) -> str:
        """The keyword that the token may be, in lower case, "" for what is no bare word."""
        return self.text.lower() if self.kind is _Kind.WORD else ""

    @property
    def name(self) -> str:
        return self.text.strip('`"').lower() if self.is_name else ""


_PATTERNS = re.compile(
    r"""
      (?P<space>   \s+ | --[^\n]*(?:\n|$) | \#[ !][^\n]*(?:\n|$) | /\*.*?\*/ )
    | (?P<word>    [A-Za-z_][A-Za-z0-9_]* )
    | (?P<number>  (?:0x[0-9A-Fa-f]+ | [0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?) )
    | (?P<string>  '(?:[^'\\]|\\.|'')*' )
    | (?P<quoted>  `[A-Za-z_][A-Za-z0-9_]*` | "[A-Za-z_][A-Za-z0-9_]*" )
    | (?P<parameter> \{\s*[A-Za-z_][A-Za-z0-9_]*\s*:\s*[A-Za-z][A-Za-z0-9_(), ']*\} )
    | (?P<sign>    [()\[\],.;*+\-%=<>!?:|] | /(?!\*) )
    """,
    re.VERBOSE | re.DOTALL,
)


def _tokens(statement: str) -> Iterator[_Token]:
    place = 0
    while place < len(statement):
        match = _PATTERNS.match(statement, place)
        if match is None:
            raise RefusedStatement(f"the statement is not understood at {statement[place : place + 20]!r}")
        place = match.end()
        if match.lastgroup != "space":
            yield _Token(_Kind[str(match.lastgroup).upper()], match.group())


def check(statement: str, *, database: str, rights: Rights = ALL) -> str:
    """Return the statement's output format ("" where it names none) if a reader with ``rights`` may run it.

    Raises:
        RefusedStatement: they may not, or it is not understood.
    """
    if len(statement) > LONGEST:
        raise RefusedStatement(f"the statement is longer than {LONGEST} characters; send values as parameters")
    tokens = list(_tokens(statement))
    while tokens and tokens[-1].text == ";":
        tokens.pop()
    output = ""
    if len(tokens) > 2 and tokens[-2].word == "format" and tokens[-1].is_name:
        output = tokens[-1].text
        if output not in FORMATS:
            raise RefusedStatement(f"output format {output} is not offered")
        tokens = tokens[:-2]
    if not tokens or tokens[0].word not in {"select", "with"}:
        raise RefusedStatement("only SELECT is answered here")
    _Checker(tokens, database, rights).run()
    return output


class _Checker:
    """One pass over a statement's tokens."""

    def __init__(self, tokens: list[_Token], database: str, rights: Rights) -> None:
        self._tokens = tokens
        self._database = database
        self._rights = rights
        self._system_tables = SYSTEM_TABLES if rights.withheld else SYSTEM_TABLES | OPERATORS_TABLES
        # Sub-queries that are named in the statement itself: WITH name AS (...).
        self._named = {
            token.name
            for token, second, third in zip(tokens, tokens[1:], tokens[2:], strict=False)
            if token.is_name and second.word == "as" and third.text == "("
        }
        self._tables_until: list[bool] = []

    def _at(self, place: int) -> _Token:
        return self._tokens[place] if 0 <= place < len(self._tokens) else _Token(_Kind.SIGN, "")

    def run(self) -> None:
        for place, token in enumerate(self._tokens):
            following, before = self._at(place + 1), self._at(place - 1)
            if token.text == ";":
                raise RefusedStatement("one statement at a time")
            if token.kind is _Kind.PARAMETER and "identifier" in token.text.lower():
                raise RefusedStatement("names cannot be parameters here")
            if token.word in _REFUSED_WORDS and before.text != ".":
                raise RefusedStatement(f"{token.text} is not allowed here")
            if token.is_name and following.text == "(":
                self._call(token)
            if token.word in {"from", "join"} and before.text != ".":
                self._table(place + 1)
            if token.word == "in" and following.is_name:
                raise RefusedStatement("IN wants a list, a parameter or a sub-query in parentheses")
            if self._rights.withheld:
                self._withheld(place)
            self._parenthesis(place)

    def _withheld(self, place: int) -> None:
        """Refuse a withheld column by its name, wherever it stands, and a ``*`` that would name it unseen."""
        token, before, following = self._at(place), self._at(place - 1), self._at(place + 1)
        if token.name in self._rights.withheld:
            raise RefusedStatement(f"column {token.text} is not open to this reader")
        if token.text != "*" or following.kind is _Kind.NUMBER:
            return  # a product: after the * of a select list no number can come
        if not (before.text == "(" and following.text == ")" and self._at(place - 2).name == "count"):
            raise RefusedStatement("name the columns: * would name some that are not open to this reader")

    def _call(self, token: _Token) -> None:
        if token.name in FUNCTIONS or token.word in _WORDS_BEFORE_PARENTHESIS:
            return
        raise RefusedStatement(f"function {token.text} is not offered here")

    def _parenthesis(self, place: int) -> None:
        """Follow parentheses, so that what comes after a sub-query in FROM is known for what it is."""
        token = self._at(place)
        if token.text == "(":
            opens_table = self._at(place - 1).word in {"from", "join"}
            if opens_table and self._at(place + 1).word not in {"select", "with"}:
                raise RefusedStatement("FROM wants a table of ours or a SELECT in parentheses")
            self._tables_until.append(opens_table)
        elif token.text == ")" and self._tables_until and self._tables_until.pop():
            self._no_comma(place + 1)

    def _table(self, place: int) -> None:
        token, dot, second = self._at(place), self._at(place + 1), self._at(place + 2)
        if token.text == "(":
            return
        if dot.text == ".":
            allowed = (token.name == self._database and second.name in self._rights.tables) or (
                token.name == "system" and second.name in self._system_tables
            )
            place += 3
        else:
            allowed = token.is_name and token.name in self._rights.tables | self._named
            place += 1
        if not allowed:
            raise RefusedStatement(
                f"FROM {token.text}{dot.text if dot.text == '.' else ''} is no table that is read here"
            )
        if self._at(place).text in {"(", "."}:
            raise RefusedStatement("FROM wants a table of ours, not a function")
        self._no_comma(place)

    def _no_comma(self, place: int) -> None:
        """After one table: FINAL and an alias may come, a comma and one more table may not (write JOIN)."""
        while self._at(place).is_name and self._at(place).word not in _AFTER_TABLE - {"final"}:
            place += 1
        if self._at(place).text == ",":
            raise RefusedStatement("several tables in FROM are not read here; write JOIN")

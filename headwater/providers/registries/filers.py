"""FCC Form 499 filers: the XML of the filers' database, ISO-8859-1, read as a stream. No DTD, no entity, no network."""

from collections.abc import Iterator
from typing import Any, BinaryIO, Final
from xml.parsers import expat

from headwater.providers.registries.entries import BadRegistry, Entry, Fault, digits

CHUNK: Final = 65_536
#: Elements within one another, and characters of one value: the form has 5 and some hundreds.
DEEPEST: Final = 16
LONGEST: Final = 16_384
#: Values of one filer: those who serve every state and have many trade names have some hundreds.
MOST_VALUES: Final = 2_000
_LISTS: Final = frozenset({"other_trade_name", "jurisdiction_state"})


def filers(file: BinaryIO) -> Iterator[Entry | Fault]:
    """Yield the filers of a Form 499 query result.

    Raises:
        BadRegistry: the file is none, declares a document type, or is not well formed.
    """
    document = _Document()
    parser = document.parser
    while True:
        octets = file.read(CHUNK)
        try:
            parser.Parse(octets, not octets)
        except (expat.ExpatError, LookupError, ValueError) as error:  # the latter two: an encoding that there is not
            raise BadRegistry(f"the file is no well-formed XML: {error}") from error
        yield from document.take()
        if not octets:
            break
    if document.root != "Filer499QueryResults":
        raise BadRegistry(f"the file's root is {document.root[:60]!r}, not Filer499QueryResults")


class _Document:
    """What the parser tells, gathered into filers."""

    def __init__(self) -> None:
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text
        # Entities are how a small file becomes a large one, or reads another: without a DTD there are none.
        self.parser.StartDoctypeDeclHandler = self._refuse
        self.root = ""
        self._path: list[str] = []
        self._held: list[str] = []
        self._octets = 0
        self._filer: dict[str, Any] | None = None
        self._values = 0
        self._number = 0
        self._done: list[Entry | Fault] = []

    def take(self) -> list[Entry | Fault]:
        done, self._done = self._done, []
        return done

    def _refuse(self, *_: object) -> None:
        raise BadRegistry("the file declares a document type; a filers' export has none, and it is not read")

    def _start(self, name: str, _attributes: dict[str, str]) -> None:
        self.root = self.root or name
        self._path.append(name)
        if len(self._path) > DEEPEST:
            raise BadRegistry(f"the file's elements stand {DEEPEST} deep")
        if name == "Filer":
            self._filer, self._values = {}, 0
        self._held, self._octets = [], 0

    def _text(self, text: str) -> None:
        self._octets += len(text)
        if self._octets > LONGEST:
            raise BadRegistry(f"a value has more than {LONGEST} characters")
        self._held.append(text)

    def _end(self, name: str) -> None:
        text = " ".join("".join(self._held).split())
        self._held, self._octets = [], 0
        self._path.pop()
        if name == "Filer" and self._filer is not None:
            self._number += 1
            self._done.append(_entry(self._filer, self._number))
            self._filer = None
        elif self._filer is not None and text:
            self._values += 1
            if self._values > MOST_VALUES:
                raise BadRegistry(f"a filer has more than {MOST_VALUES} values")
            # Parts of an address are named by what the address is.
            parent = self._path[-1] if self._path and self._path[-1].endswith("_address") else ""
            key = f"{parent}.{name}" if parent else name
            if name in _LISTS:
                self._filer.setdefault(name, []).append(text)
            else:
                self._filer.setdefault(key, text)


def _entry(filer: dict[str, Any], number: int) -> Entry | Fault:
    key, frn = digits(str(filer.get("Form_499_ID", ""))), digits(str(filer.get("FRN", "")))
    if not key or len(key) > 12:
        return Fault(number, f"{str(filer.get('Form_499_ID', ''))[:20]!r} is no filer id")
    if len(frn) > 10:
        return Fault(number, f"{frn[:20]!r} is no FRN of ten digits")
    rest = {name: value for name, value in filer.items() if name not in {"Form_499_ID", "FRN", "Legal_Name"}}
    return Entry(key=key, name=str(filer.get("Legal_Name", "")), frn=frn.zfill(10) if frn else "", detail=rest)

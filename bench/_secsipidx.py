"""The peer of ``bench.stir`` in a process of its own: Debian's libsecsipid, called as a SIP server calls it.

``python -m bench._secsipidx FOLDER`` reads ``headers``, ``chain.pem``, ``one.pem`` and ``list.pem`` there and prints
rates in verifications per second of CPU time: without a check of the certificate chain, and with it against a file of
one authority and of many. Reading the headers and starting the process are not counted.
"""

import ctypes
import json
import sys
import time
from pathlib import Path

LIBRARY = "libsecsipid.so.1"
#: Bits of its option CertVerify: the certificate's time, and its chain to the file of authorities.
_TIME_AND_CHAIN = 0b0101
_FOREVER_S = 10**9


def main(folder: Path) -> None:
    peer = ctypes.CDLL(LIBRARY)
    chain = (folder / "chain.pem").read_bytes()
    headers = (folder / "headers").read_bytes().splitlines()
    rates = {}
    for name, verify in (("plain", 0), ("one", _TIME_AND_CHAIN), ("list", _TIME_AND_CHAIN)):
        for option in (f"CertVerify={verify}", f"CertCAFile={folder / name}.pem"):
            if peer.SecSIPIDOptSetV(option.encode()) != 0:
                raise SystemExit(f"libsecsipid refused {option}")
        started = time.process_time()
        for header in headers:
            said = peer.SecSIPIDCheckFullPubKey(header, len(header), _FOREVER_S, chain, len(chain))
            if said != 0:
                raise SystemExit(f"libsecsipid refused a good token: {said}")
        rates[name] = len(headers) / (time.process_time() - started)
    print(json.dumps(rates))


if __name__ == "__main__":
    main(Path(sys.argv[1]))

"""FreeSWITCH's JSON in all its forms: objects over many lines, one a line, arrays, the posted form, and rubbish."""

from tests.fuzz.targets import _cdr

ONE = (
    b'{"core-uuid":"c","switchname":"s","variables":{"uuid":"a","bridge_uuid":"b","start_uepoch":"1795460100123456",'
    b'"sip_call_id":"77%40h","sip_network_ip":"10.0.0.9"},"callflow":[{"caller_profile":{"caller_id_number":"1215"}}]}'
)
SEEDS = [
    ONE,
    ONE + b"\n" + ONE,
    b"[" + ONE + b",\n" + ONE + b"]",
    b"cdr=%7B%22variables%22%3A%7B%7D%7D",
    b"{\n" + ONE[1:],
]
TOKENS = [b"{", b"}", b"[", b"]", b'"variables":', b"cdr=", b"\\ud800", b"\xff", b"1e999", b"[[[[[[[[", b"\n{"]
SHORT_RUN = 400


def target(data: bytes) -> None:
    _cdr.read("freeswitch-json", data)

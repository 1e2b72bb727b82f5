"""The switches and the phones: their configurations, made for one run."""

from pathlib import Path

from lab.network import COLLECTOR, CUSTOMER, PHONE, A, B, C, Network
from lab.pki import X5U, Pki
from lab.plan import SIGNED_IN_FULL

PORTS = {"a": 9061, "b": 9062, "c": 9063}
KEYS = {"a": "lab-key-of-a", "c": "lab-key-of-c"}
CAPTURE_IDS = {"a": 3001, "b": 101, "c": 3003}

_COMMON = """
debug=1
log_stderror=yes
children=2
tcp_children=2
auto_aliases=no
disable_tcp=no
enable_tls=no
listen=udp:{address}:5060
listen=tcp:{address}:5060
mpath="{modules}/"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "maxfwd.so"
loadmodule "textops.so"
loadmodule "textopsx.so"
loadmodule "siputils.so"
loadmodule "siptrace.so"
{more}
modparam("siptrace", "duplicate_uri", "sip:{collector}:{port}{transport}")
modparam("siptrace", "hep_mode_on", 1)
modparam("siptrace", "hep_version", 3)
modparam("siptrace", "hep_capture_id", {capture_id})
modparam("siptrace", "auth_key", "{key}")
modparam("siptrace", "trace_to_database", 0)
modparam("siptrace", "trace_on", 1)
modparam("siptrace", "trace_mode", 1)
request_route {{
    if (!mf_process_maxfwd_header("10")) {{ sl_send_reply("483", "Too Many Hops"); exit; }}
    if (has_totag()) {{
        if (loose_route()) {{ t_relay(); exit; }}
        if (is_method("ACK")) {{ if (t_check_trans()) t_relay(); exit; }}
        sl_send_reply("404", "Not here"); exit;
    }}
    if (is_method("CANCEL")) {{ if (t_check_trans()) t_relay(); exit; }}
    t_check_trans();
    if (!is_method("INVITE")) {{ sl_send_reply("405", "Method Not Allowed"); exit; }}
{route}
    record_route();
    $du = "sip:{next_hop}:5060";
    t_relay();
}}
"""

_SIGN = """
    if (!is_present_hf("Identity")) {{
        $var(attest) = "C";
        if ($fU =~ "^\\+1{signed}") $var(attest) = "A";
        $var(orig) = $(fU{{s.substr,1,0}});
        $var(dest) = $(rU{{s.substr,1,0}});
        if (secsipid_add_identity("$var(orig)", "$var(dest)", "$var(attest)", "", "{x5u}", "{key}") < 0) {{
            sl_send_reply("500", "Cannot sign"); exit;
        }}
        append_hf("P-Asserted-Identity: <sip:$fU@carrier-a.example;user=phone>\\r\\n");
        msg_apply_changes();
    }}
"""

_REFUSE = """
    if ($rU =~ "55501[2]") {{
        append_to_reply("Reason: Q.850;cause=21;text=\\"v=analytics1;url=https://redress.carrier-c.example;tel=+18005550100;email=redress@carrier-c.example\\";location=TN\\r\\n");
        t_newtran(); t_reply("603", "Network Blocked"); exit;
    }}
    if ($rU =~ "55501[3]") {{
        append_to_reply("Call-Info: <https://blocker.example/card>;purpose=jwscard\\r\\n");
        t_newtran(); t_reply("608", "Rejected"); exit;
    }}
    if ($rU =~ "55501[4]") {{ t_newtran(); t_reply("404", "Not Found"); exit; }}
"""


def kamailio(network: Network, place: str, *, pki: Pki | None = None) -> None:
    """Start a carrier's proxy: A signs and sends HEP by TCP, C refuses some calls and sends HEP by UDP."""
    signs = pki is not None
    modules = next(Path("/usr/lib").glob("*/kamailio/modules"))
    text = _COMMON.format(
        address=A if signs else C,
        modules=modules,
        more='loadmodule "secsipid.so"' if signs else "",
        collector=COLLECTOR,
        port=PORTS[place],
        transport=";transport=tcp" if signs else "",
        capture_id=CAPTURE_IDS[place],
        key=KEYS[place],
        route=_SIGN.format(signed=SIGNED_IN_FULL, x5u=X5U, key=pki.key_file) if pki is not None else _REFUSE.format(),
        next_hop=B if signs else PHONE,
    )
    config = network.logs / f"kamailio-{place}.cfg"
    config.write_text(text)
    run = network.logs / f"run-{place}"
    run.mkdir()
    command = ["kamailio", "-DD", "-E", "-f", str(config), "-Y", str(run), "-m", "64", "-M", "16"]
    network.start(place, command, log=f"kamailio-{place}")


def sippy(network: Network, program: Path, *, passes_identity: bool) -> None:
    """Start carrier B: a back-to-back user agent that gives each call a new Call-ID, and a capture agent beside it."""
    headers = ["P-Asserted-Identity", "Diversion", "History-Info", "Privacy", "X-Lab-Call"]
    headers += ["Identity"] if passes_identity else []
    options = [
        "--foreground=on",
        f"--sip_address={B}",
        "--sip_port=5060",
        "--hide_call_id=on",
        "--auth_enable=off",
        "--acct_enable=off",
        f"--static_route={C}:5060",
        f"--pass_headers={','.join(headers)}",
        f"--logfile={network.logs / 'sippy-sip.log'}",
        f"--b2bua_socket={network.logs / 'sippy.sock'}",
    ]
    network.start("b", [str(program), *options], log="sippy")
    network.start("b", ["sipgrep", "-d", "eth0", "-H", f"udp:{COLLECTOR}:{PORTS['b']}"], log="sipgrep-b")


def phone(network: Network) -> None:
    """Start the called side: it rings and answers whatever comes."""
    network.start("phone", ["sipp", "-sn", "uas", "-i", PHONE, "-p", "5060", "-nostdin"], log="phone")


_CALL = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE scenario SYSTEM "sipp.dtd">
<scenario name="customer">
  <send retrans="500"><![CDATA[
INVITE sip:[field1]@carrier-a.example;user=phone SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: "Lab" <sip:[field0]@customer.example;user=phone>;tag=[pid]T[call_number]
To: <sip:[field1]@carrier-a.example;user=phone>
Call-ID: [call_id]
CSeq: 1 INVITE
Contact: <sip:[field0]@[local_ip]:[local_port]>
Max-Forwards: 70
User-Agent: [field2]
X-Lab-Call: [field3]
Content-Type: application/sdp
Content-Length: [len]

v=0
o=user1 53655765 2353687637 IN IP[local_ip_type] [local_ip]
s=-
c=IN IP[media_ip_type] [media_ip]
t=0 0
m=audio [media_port] RTP/AVP 0
a=rtpmap:0 PCMU/8000
]]></send>
  <recv response="100" optional="true"></recv>
  <recv response="180" optional="true"></recv>
  <recv response="183" optional="true"></recv>
  <recv response="603" optional="true" next="refused"></recv>
  <recv response="608" optional="true" next="refused"></recv>
  <recv response="404" optional="true" next="refused"></recv>
  <recv response="200" rrs="true"></recv>
  <send><![CDATA[
ACK sip:{b}:5060 SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
[routes]
From: "Lab" <sip:[field0]@customer.example;user=phone>;tag=[pid]T[call_number]
To: <sip:[field1]@carrier-a.example;user=phone>[peer_tag_param]
Call-ID: [call_id]
CSeq: 1 ACK
Max-Forwards: 70
Content-Length: 0

]]></send>
  <pause milliseconds="400"/>
  <send retrans="500"><![CDATA[
BYE sip:{b}:5060 SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
[routes]
From: "Lab" <sip:[field0]@customer.example;user=phone>;tag=[pid]T[call_number]
To: <sip:[field1]@carrier-a.example;user=phone>[peer_tag_param]
Call-ID: [call_id]
CSeq: 2 BYE
Max-Forwards: 70
Content-Length: 0

]]></send>
  <recv response="200"></recv>
  <label id="end"/>
  <nop next="over"></nop>
  <label id="refused"/>
  <send><![CDATA[
ACK sip:[field1]@carrier-a.example;user=phone SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch-13]
From: "Lab" <sip:[field0]@customer.example;user=phone>;tag=[pid]T[call_number]
To: <sip:[field1]@carrier-a.example;user=phone>[peer_tag_param]
Call-ID: [call_id]
CSeq: 1 ACK
Max-Forwards: 70
Content-Length: 0

]]></send>
  <label id="over"/>
</scenario>
"""


def customer(network: Network, calls: int, csv: str) -> None:
    """Make the calls, five a second, and return when the last has ended."""
    scenario, file = network.logs / "customer.xml", network.logs / "calls.csv"
    scenario.write_text(_CALL.replace("{b}", B))
    file.write_text(csv)
    command = [
        "sipp",
        f"{A}:5060",
        "-sf",
        str(scenario),
        "-inf",
        str(file),
        "-i",
        CUSTOMER,
        "-p",
        "5070",
        "-m",
        str(calls),
    ]
    command += ["-r", "5", "-rp", "1000", "-timeout", f"{30 + calls}", "-timeout_error", "-nostdin", "-trace_err"]
    network.start("customer", command, log="customer").wait(timeout=90 + calls)

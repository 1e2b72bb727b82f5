"""The systemd unit of an agent. Hardened: it reads its configuration, writes its own folder, and speaks IP alone."""

from pathlib import Path

_UNIT = """\
[Unit]
Description=Headwater agent: answers traceback questions from this carrier's own call records
After=network-online.target
Wants=network-online.target

[Service]
Type=exec
User={user}
ExecStartPre={program} agent check --config {config}
ExecStart={program} agent --config {config}
# SIGTERM: what was read is made durable before it ends.
KillSignal=SIGTERM
TimeoutStopSec=30
Restart=always
RestartSec=5
# The data folder of the configuration: data = "/var/lib/headwater-agent"
StateDirectory=headwater-agent
StateDirectoryMode=0700
UMask=0077
LimitNOFILE=65536
MemoryHigh=6G

NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
ProtectClock=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectControlGroups=yes
ProtectProc=invisible
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
RemoveIPC=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources

[Install]
WantedBy=multi-user.target
"""


def unit(*, program: str, config: Path, user: str) -> str:
    """Return the unit file. ``program``: the command, with its path, that the agent is started by."""
    return _UNIT.format(program=program, config=config, user=user)

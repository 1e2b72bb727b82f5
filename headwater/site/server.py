"""Runs one of the five HTTP processes by its settings, with every bound of the socket layer in one place."""

import logging.config

import uvicorn

from headwater.site.bounded_http import BoundedHttp
from headwater.site.config import Config, Process
from headwater.site.logs import logging_settings

APPLICATIONS = {
    Process.CALLS: "headwater.site.calls:app",
    Process.DESK: "headwater.site.web:app",
    Process.PORTAL: "headwater.site.web:app",
    Process.CARRIER: "headwater.site.web:app",
    Process.PUBLIC: "headwater.site.web:app",
}

#: Connections at once; beyond it the answer is 503. Feeds and the facade keep many open, people few.
CONNECTIONS = {
    Process.CALLS: 2_000,
    Process.DESK: 500,
    Process.PORTAL: 500,
    Process.CARRIER: 2_000,
    Process.PUBLIC: 500,
}

#: How long open requests may take at a stop, in seconds: ``calls`` has acknowledgements to finish.
GRACE_S = {Process.CALLS: 10, Process.DESK: 5, Process.PORTAL: 5, Process.CARRIER: 3, Process.PUBLIC: 3}


def serve(config: Config) -> None:
    """Serve until SIGTERM or SIGINT. One worker: the embedded call store lives in one process."""
    process = config.process
    logging.config.dictConfig(logging_settings(process.value))
    uvicorn.run(
        APPLICATIONS[process],
        host=config.bind,
        port=config.port(process),
        http=BoundedHttp,
        ws="none",
        lifespan="on" if process is Process.CALLS else "off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        limit_concurrency=CONNECTIONS[process],
        timeout_keep_alive=30,
        timeout_graceful_shutdown=GRACE_S[process],
    )

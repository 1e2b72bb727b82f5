"""What is logged names the place of a failure and none of the values in it."""

import json
import logging
import logging.config

import pytest

from headwater.site.logs import logging_settings


def test_a_logged_failure_shows_no_local_variable(capsys):
    settings = logging_settings("desk")
    settings["loggers"] = {}
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        logging.config.dictConfig(settings)
        password = "correct horse battery staple"
        with pytest.raises(ValueError, match="no") as caught:
            fail(password)
        logging.getLogger("headwater.example").error("it failed", exc_info=caught.value)
    finally:
        root.handlers[:], root.level = handlers, level
    line = capsys.readouterr().err
    record = json.loads(line)
    assert record["exception"][0]["frames"][-1]["name"] == "fail"
    assert "battery" not in line


def fail(secret: str) -> None:
    raise ValueError("no" if secret else "")

"""The worker as a process: the living do the jobs of the dead, a stop finishes what runs, a rollback asks nothing."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

import pytest
from django.db import connection, transaction
from procrastinate.contrib.django import app
from procrastinate.contrib.django.models import ProcrastinateJob

from headwater import clock, jobs
from headwater.tracebacks import answering, questions
from headwater.tracebacks.answering import Submission
from headwater.tracebacks.models import Flag, Traceback
from headwater.wire.agents import AnswerCode
from tests.tracebacks.support import Pen, call, octets, opened, register

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.fault]

#: A worker with one job more: it notes that it began, sleeps as long as it is told the first time, and notes the end.
WORKER = """
import time
from pathlib import Path
from headwater.site.setup import django
django()
from headwater.worker.tasks import tasks

@tasks.task(name="test.slow")
def slow(folder, seconds):
    begun = Path(folder, "begun")
    first = not begun.exists()
    with begun.open("a") as file:
        file.write("begun\\n")
    if first:
        time.sleep(seconds)
    with Path(folder, "ended").open("a") as file:
        file.write("ended\\n")

from headwater.worker.run import main
main()
"""


@pytest.fixture(autouse=True)
def no_jobs_of_others() -> None:
    with connection.cursor() as cursor:
        # Django does not empty them: procrastinate manages its tables itself.
        cursor.execute("TRUNCATE procrastinate_jobs, procrastinate_workers CASCADE")


@contextmanager
def worker(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A running worker on the test's database."""
    parts = urlsplit(os.environ["HEADWATER_DATABASE_URL"])
    url = urlunsplit(parts._replace(path="/" + quote(connection.settings_dict["NAME"])))
    environment = os.environ | {"HEADWATER_PROCESS": "work", "HEADWATER_DATABASE_URL": url, "HEADWATER_CALLS_URL": ""}
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen([sys.executable, "-c", WORKER], env=environment, stdout=log, stderr=log)
    try:
        until(lambda: b"ready" in (folder / "log").read_bytes() or process.poll() is not None, 30, folder)
        yield process
    finally:
        process.kill()
        process.wait(10)


def until(holds: Callable[[], object], seconds: float, folder: Path) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, (folder / "log").read_text(errors="replace")[-4_000:]
        time.sleep(0.05)


def slow(folder: Path, seconds: float) -> int:
    job: int = app.configure_task(name="test.slow").defer(folder=str(folder), seconds=seconds)
    return job


def test_a_worker_killed_in_the_middle_of_a_job_loses_nothing(tmp_path: Path) -> None:
    slow(tmp_path, 600)
    with worker(tmp_path) as first:
        until((tmp_path / "begun").exists, 20, tmp_path)
        first.send_signal(signal.SIGKILL)
        first.wait(10)
    assert ProcrastinateJob.objects.get(task_name="test.slow").status == "doing"
    with worker(tmp_path):
        until((tmp_path / "ended").exists, 40, tmp_path)
        until(lambda: not ProcrastinateJob.objects.filter(task_name="test.slow").exists(), 10, tmp_path)
    assert (tmp_path / "begun").read_text() == "begun\nbegun\n"


def test_a_stop_lets_the_running_job_end(tmp_path: Path) -> None:
    slow(tmp_path, 2)
    with worker(tmp_path) as process:
        until((tmp_path / "begun").exists, 20, tmp_path)
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    assert (tmp_path / "ended").read_text() == "ended\n"
    assert not ProcrastinateJob.objects.filter(task_name="test.slow").exists()


def test_the_worker_takes_answers_in_and_asks_the_next_provider(tmp_path: Path) -> None:
    alder, birch = Pen(register("709A")), Pen(register("709B"))
    opened(call("709A"))
    with worker(tmp_path):
        [asked] = questions.waiting_questions(alder.actor)
        answer = alder.answer(asked, AnswerCode.UPSTREAM_US, birch.provider)
        answering.record_answer(alder.actor, Submission(octets=octets(answer), answer=answer, key_id="k"))
        until(lambda: questions.waiting_questions(birch.actor), 20, tmp_path)


def test_the_clock_ends_what_nobody_answers(tmp_path: Path) -> None:
    Pen(register("709A"))
    begun = clock.now() - timedelta(days=20)
    opened(call("709A", at=begun), now=begun)
    with worker(tmp_path):
        until(lambda: Traceback.objects.get().state == "ended_non_responsive", 20, tmp_path)
    assert sorted(Flag.objects.values_list("kind", flat=True)) == ["late", "non_responsive"]


def test_a_job_asked_for_in_a_transaction_that_rolls_back_never_existed() -> None:
    with transaction.atomic():
        jobs.defer(jobs.Job.ADVANCE_TRACEBACK, traceback_id="TB-0000000000")
        transaction.set_rollback(True)
    assert not ProcrastinateJob.objects.exists()


def test_one_waiting_job_of_a_key_suffices() -> None:
    for _ in range(3):
        with transaction.atomic():
            jobs.defer(jobs.Job.ADVANCE_TRACEBACK, once="advance TB-1", traceback_id="TB-1")
    assert ProcrastinateJob.objects.count() == 1


def test_every_job_that_rooms_ask_for_has_its_function() -> None:
    from headwater.worker.tasks import tasks

    assert {job.value for job in jobs.Job} <= set(tasks.tasks)

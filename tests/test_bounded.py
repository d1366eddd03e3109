"""Tests that hang end, say what hung, and leave nothing running."""
import os
import shutil
import subprocess
import sys
import time

import bounded
import pytest

STUBBORN = "trap '' TERM HUP; sleep 987 & sleep 987"


def test_what_ends(tmp_path):
    done = bounded.run(["sh", "-c", "echo out; echo err >&2; exit 3"], 60, cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (3, "out\n", "err\n")


def test_what_does_not_end(monkeypatch):
    """Nor does its child, which keeps the pipe; both are named and gone."""
    monkeypatch.setattr(bounded, "GRACE", 1)
    with pytest.raises(bounded.Overdue, match=r"not done in 1 s; killed: .*sleep 987") as caught:
        bounded.run(["bash", "-c", f"echo said; {STUBBORN}"], 1)
    assert "said" in str(caught.value)
    assert not [pid for pid, _ in bounded.processes() if bounded.command_line(pid) == "sleep 987"]


def test_what_sleeps_ends():
    process = bounded.start(["sh", "-c", "kill -STOP $$"])
    while bounded.status(process.pid)[1] != "T":
        time.sleep(0.01)
    with pytest.raises(bounded.Overdue):
        bounded.finish(process, 0.1)
    assert process.returncode is not None


def test_words_that_are_never_said():
    process = bounded.start(["sh", "-c", "echo one; sleep 986"], stdout=subprocess.PIPE)
    assert next(bounded.lines(process, 60)) == "one\n"
    with pytest.raises(bounded.Overdue, match="sleep 986"):
        list(bounded.lines(process, 1))


HANGING = {
    "a program": "import subprocess\ndef test():\n    subprocess.run(['sh', '-c', 'sleep 985; true'])\n",
    "a fixture": "import subprocess, pytest\n@pytest.fixture\ndef made():\n"
    "    subprocess.run(['sh', '-c', 'sleep 985; true'])\n"
    "def test(made):\n    pass\n",
    "not Python": "import signal, time\ndef test():\n"
    "    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])\n    time.sleep(985)\n",
}  # fmt: skip


@pytest.mark.parametrize("name", HANGING)
def test_a_test_that_hangs(tmp_path, name):
    """Its limit ends it, or, where no handler of a signal can run, the limit of its worker."""
    here = os.path.dirname(os.path.abspath(__file__))
    with open(os.path.join(here, "conftest.py"), encoding="utf-8") as file:
        text = file.read().replace("SECONDS = 900", "SECONDS = 1")
    text = text.replace("EXTRA = 120", f"EXTRA = {1 if name == 'not Python' else 50}")
    (tmp_path / "conftest.py").write_text(text.replace("FOLDERS = (", f'FOLDERS = ("{here}/end_to_end", '))
    shutil.copy(os.path.join(here, "pytest.ini"), tmp_path)
    (tmp_path / "test_it.py").write_text(HANGING[name] + "def test_next():\n    pass\n")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", "pytest.ini", "."]
    done = bounded.run(command, 120, cwd=tmp_path)
    said = done.stdout + done.stderr
    assert done.returncode == 1
    if name == "not Python":
        assert "Timeout (0:00:0" in said and "in test\n" in said, said
    else:
        assert "Timeout >" in said and "1 passed" in said and "sleep 985" in said.split("still running after")[1], said
    assert not [pid for pid, _ in bounded.processes() if bounded.command_line(pid).endswith("sleep 985")]

"""What is wrong is one exception with one sentence; nothing is left behind, no file and no process."""
import os
import signal
import subprocess
import sys
import tempfile
import time

import brenier
import numpy as np
import pytest
import torch
from brenier import _program
from brenier._run import failure
from package_problems import points, processes

LONG = """
import signal, sys, warnings
signal.signal(signal.SIGINT, signal.default_int_handler)  # which a background job ignores
sys.path[:0] = {path!r}
import brenier, numpy as np
warnings.simplefilter("ignore")
y = np.random.default_rng(1).standard_normal((3000, 20))
try:
    print(brenier.solve(y, tol=1e-3, ranks={ranks}, log={log!r}, checkpoint={checkpoint!r}).status, flush=True)
except brenier.Stopped as error:
    print("Stopped", flush=True)
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


@pytest.fixture(autouse=True)
def nothing_is_left(tmp_path, monkeypatch):
    """Temporary folders go, also after a failure."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield
    assert os.listdir(folder) == []


@pytest.mark.parametrize("y, kind, words", [
    ("abc", brenier.InputOutput, "abc: cannot open"),
    (points(5, 2)[0], brenier.BadInput, r"y has shape \[2\]; it is to be \[n, d\]"),
    (np.empty((0, 3)), brenier.BadInput, "so it is empty"),
    (np.empty((3, 0)), brenier.BadInput, "so it is empty"),
    (np.array([[0.0, 1], [np.nan, 2]]), brenier.BadInput, "y: row 1 has a number that is not finite"),
    (torch.tensor([[float("inf"), 1.0]]), brenier.BadInput, "y: row 0 has"),
    (np.ones((2, 2), dtype=complex), brenier.BadInput, "real numbers"),
    ([[1, 2], [3]], brenier.BadInput, "different lengths|type object"),
    (None, brenier.BadInput, "type object"),
    ({"a": 1}, brenier.BadInput, "type object"),
])  # fmt: skip
def test_targets_that_are_refused(y, kind, words):
    with pytest.raises(kind, match=words) as refused:
        brenier.solve(y)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("options, kind, words", [
    ({"tol": -1}, brenier.BadArguments, "option -tol takes a number"),
    ({"source": "blob"}, brenier.BadArguments, "-source"),
    ({"nonsense": 3}, brenier.BadArguments, "nonsense"),
    ({"o": "r.h5"}, brenier.BadArguments, "option o is set by the package"),
    ({"ranks": 0}, brenier.BadArguments, "ranks is 0"),
    ({"ranks": "many"}, brenier.BadArguments, "ranks is 'many'"),
    ({"progress": 3}, brenier.BadArguments, "progress is 3"),
    ({"weights": np.ones(4)}, brenier.BadInput, r"weights has shape \[4\], but y has 5 rows"),
    ({"weights": [1, 1, 0, 1, 1]}, brenier.BadInput, "weights: entry 2 is not positive"),
    ({"weights": [1, 1, np.nan, 1, 1]}, brenier.BadInput, "weights: row 2 has"),
    ({"start": "gone.h5"}, brenier.InputOutput, "gone.h5"),
    ({"checkpoint": "/nowhere/run.ckpt"}, brenier.InputOutput, "/nowhere"),
    ({"classes": [0, 1]}, brenier.BadInput, r"classes has shape \[2\]"),
    ({"classes": [0, 1, 0, 1, 0], "start": "r.h5"}, brenier.BadArguments, "of one map"),
    ({"source": "sphere", "y": points(5, 1)}, brenier.BadArguments, "in one dimension the sphere is two points"),
])  # fmt: skip
def test_options_that_are_refused(options, kind, words):
    y = options.pop("y", points(5, 2))
    with pytest.raises(kind, match=words) as refused:
        brenier.solve(y, **options)
    assert "\n" not in str(refused.value) and isinstance(refused.value, brenier.BrenierError)


def wait_for(happens, seconds=300):
    begin = time.monotonic()
    while not happens():
        assert time.monotonic() - begin < seconds
        time.sleep(0.05)


def test_an_error_of_a_function_of_the_caller_ends_the_program(tmp_path):
    def fail(event):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        brenier.solve(points(3000, 20), tol=1e-3, progress=fail, ranks=2, log=tmp_path / "log.jsonl")
    wait_for(lambda: processes(tmp_path / "log.jsonl") == [])  # a rank may end after mpiexec, which kills it


def test_a_missing_program(monkeypatch):
    monkeypatch.setenv("BRENIER_PROGRAM", "/nowhere/brenier")
    with pytest.raises(brenier.InputOutput, match="BRENIER_PROGRAM is /nowhere/brenier, which is not a program"):
        brenier.solve(points(5, 2))
    monkeypatch.delenv("BRENIER_PROGRAM")
    monkeypatch.setattr(_program, "BESIDE", ())
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(brenier.InputOutput, match="the program brenier is not found"):
        brenier.solve(points(5, 2))


def test_a_program_that_is_found(monkeypatch, tmp_path):
    program = _program.find_program()
    monkeypatch.delenv("BRENIER_PROGRAM", raising=False)
    monkeypatch.setattr(_program, "BESIDE", (os.path.relpath(program, _program.HERE),))
    assert _program.find_program() == program
    os.symlink(program, tmp_path / "brenier")
    monkeypatch.setattr(_program, "BESIDE", ())
    monkeypatch.setenv("PATH", str(tmp_path))
    assert _program.find_program() == str(tmp_path / "brenier")
    with pytest.raises(brenier.InputOutput, match="mpiexec is not found"):
        brenier.solve(points(5, 2), ranks=2)


def test_the_environment_is_that_of_the_script(monkeypatch):
    """environment() sets what tools/mpi-environment.sh does."""
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    ours = ("OPENBLAS_", "OMP_", "OMPI_")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    words = ["bash", "-c", f". {root}/tools/mpi-environment.sh; env"]
    shell = subprocess.run(words, env={**clean, "BRENIER_RANKS": "500"}, capture_output=True, text=True, check=True)
    for name in [name for name in os.environ if name.startswith(ours)]:
        monkeypatch.delenv(name)
    found = dict(line.split("=", 1) for line in shell.stdout.splitlines() if line.startswith(ours))
    assert found == {name: value for name, value in _program.environment(500).items() if name.startswith(ours)}


def test_ranks_by_default(monkeypatch):
    monkeypatch.setattr(_program, "cores", lambda: 8)
    assert _program.choose_ranks(None, None, 100) == 1
    assert _program.choose_ranks(None, None, 10**7) == 8
    assert _program.choose_ranks(None, 4, 10**7) == 2
    monkeypatch.setenv("BRENIER_RANKS", "3")
    assert _program.choose_ranks(None, None, 100) == 3 and _program.choose_ranks(5, None, 100) == 5


def test_exceptions_have_the_exit_code_of_the_program():
    for code, kind in brenier.errors.BY_CODE.items():
        error = failure(code, "noise\nbrenier: error: a sentence\n", "solve")
        assert type(error) is kind and error.code == code and str(error) == "a sentence"
    assert "SIGKILL ended" in str(failure(-9, "", "solve")) and isinstance(failure(137, "", "map"), brenier.Killed)
    assert "signal 33" in str(failure(-33, "", "solve"))
    other = failure(213, "\n----\nno slots\nmore", "solve")
    assert type(other) is brenier.BrenierError and str(other).endswith("exit code 213: no slots") and other.code == 213
    assert str(failure(1, "", "solve")).endswith("nothing was said")


@pytest.mark.parametrize("ranks", [1, 2])
def test_a_killed_rank(ranks, tmp_path):
    log, output = tmp_path / "log.jsonl", tmp_path / "run.ckpt"

    def kill(event):
        if event["event"] == "start":
            of_rank = [p for p in processes(log) if os.readlink(f"/proc/{p}/exe").endswith("/bin/brenier")]
            os.kill(of_rank[-1], signal.SIGKILL)

    with pytest.raises(brenier.Killed, match="brenier solve: SIGKILL ended the program or one of its ranks"):
        brenier.solve(points(3000, 20), tol=1e-3, ranks=ranks, log=log, checkpoint=output, progress=kill)
    wait_for(lambda: processes(log) == [])
    assert not os.path.exists(f"{output}.result.h5")


def start_long(tmp_path, ranks, checkpoint=None):
    """A Python that solves for long; returns when the solve has begun."""
    log = str(tmp_path / "long.jsonl")
    text = LONG.format(path=[os.path.dirname(_program.HERE)], ranks=ranks, log=log, checkpoint=checkpoint)
    process = subprocess.Popen([sys.executable, "-c", text], stdout=subprocess.PIPE, text=True,
                               env={**os.environ, "TMPDIR": str(tmp_path)})  # fmt: skip
    wait_for(lambda: os.path.exists(log) and '"start"' in open(log, encoding="utf-8").read())
    return process, log


@pytest.mark.parametrize("checkpoint, said", [(None, "stopped: stop file"), ("run.ckpt", "Stopped")])
def test_interrupt_stops_in_order(tmp_path, checkpoint, said):
    place = checkpoint and str(tmp_path / checkpoint)
    process, log = start_long(tmp_path, 2, place)
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=600)[0].strip() == said
    assert processes(log) == []
    assert checkpoint is None or os.path.exists(place)


def test_a_second_interrupt_ends_it_at_once(tmp_path):
    process, log = start_long(tmp_path, 1)
    process.send_signal(signal.SIGINT)
    wait_for(lambda: any(os.path.exists(f"{tmp_path}/{name}/stop") for name in os.listdir(tmp_path)))
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=600)[0].strip() in ("interrupted", "stopped: stop file")
    assert processes(log) == []


@pytest.mark.parametrize("ranks", [1, 2])
def test_a_killed_python_leaves_no_process(tmp_path, ranks):
    process, log = start_long(tmp_path, ranks)
    process.kill()
    process.wait()
    wait_for(lambda: processes(log) == [])

"""Outputs: no file is lost to another one, wrong names are refused before the work, links, modes and owners are kept.

One process without mpiexec, as most of this is decided before the work; tests/end_to_end/test_refusals.py has the
ranks.
"""
import contextlib
import json
import os
import shutil
import signal
import stat
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import bounded
import h5py
import numpy as np
import pytest
from brenier_files import read_log, read_result
from bounded import TIME_LIMIT as SECONDS
from program import PROGRAM, REPOSITORY, brenier
from restart import SHELL

USAGE, IO, STOPPED = 2, 4, 85
ENVIRONMENT = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
FAST = ("-curves", "500")


def take_signals():
    """What whoever started the tests ignores, as nohup does, their programs would ignore, too."""
    for number in (signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)


def start(*arguments, cwd, **more):
    streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE,
               "preexec_fn": take_signals, **more}  # fmt: skip
    return bounded.start([PROGRAM, *arguments], env=ENVIRONMENT, cwd=cwd, **streams)


def alone(*arguments, cwd, code=0, **more):
    """Runs the program as one process; a hang is a failure."""
    process = start(*arguments, cwd=cwd, **more)
    out, err = bounded.finish(process, SECONDS)
    assert process.returncode == code, f"{arguments}: {process.returncode}\n{out}\n{err}"
    assert "PETSC ERROR" not in (err or "")
    return subprocess.CompletedProcess(arguments, code, out, err)


def make_files(folder):
    rng = np.random.default_rng(1)
    np.save(folder / "y.npy", rng.standard_normal((20, 2)))
    np.save(folder / "w.npy", np.ones(20))
    np.save(folder / "labels.npy", np.arange(20.0))
    alone("solve", "y.npy", *FAST, "-o", "r.h5", "-checkpoint", "run.ckpt", "-log", "log.jsonl", cwd=folder)
    alone("encode", "y.npy", "-dim", 1, "-o", "codes.h5", cwd=folder)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    make_files(folder)
    return folder


@pytest.fixture
def place(made, tmp_path):
    """A working folder with y.npy, w.npy, labels.npy, r.h5, run.ckpt (finished), log.jsonl and codes.h5."""
    return shutil.copytree(made, tmp_path / "place")


@pytest.fixture(scope="module")
def folder(made, tmp_path_factory):
    """The working folder of all refusals: files of every kind, links of every kind."""
    folder = shutil.copytree(made, tmp_path_factory.mktemp("refused") / "work")
    alone("map", "r.h5", "y.npy", "-o", "map.h5", cwd=folder)
    alone("decode", "codes.h5", "-o", "data.h5", cwd=folder)
    (folder / "notes.txt").write_text("my notes\n")
    (folder / "options.txt").write_text("-curves 500\n")
    shutil.copy(folder / "notes.txt", folder / "old.1")
    with h5py.File(folder / "mine.h5", "w") as file:
        file["mine"] = np.ones(3)
    (folder / "cut.h5").write_bytes((folder / "r.h5").read_bytes()[:3000])
    (folder / "folder").mkdir()
    (folder / "elsewhere").symlink_to("folder")
    (folder / "ylink.npy").symlink_to("folder/../y.npy")
    os.link(folder / "y.npy", folder / "yhard.npy")
    (folder / "away").symlink_to("out.h5")  # a file that is not there yet
    (folder / "lost").symlink_to("gone/out.h5")
    (folder / "circle").symlink_to("circle")
    os.mkfifo(folder / "pipe")
    for name, mode in (("r.h5", 0o444), ("run.ckpt", 0o400), ("log.jsonl", 0o444)):
        shutil.copy(folder / name, folder / f"readonly_{name}")
        (folder / f"readonly_{name}").chmod(mode)
    return folder


def solve(*options):
    return ["solve", "y.npy", *FAST, *options]


def with_output(*options):
    return solve("-o", "out.h5", *options)


LONG = "n" * 256

REFUSED = [
    # two outputs in one file, by all the names that it has
    (USAGE, solve("-o", "out.h5", "-checkpoint", "out.h5"), ["-o", "-checkpoint", "same file"]),
    (USAGE, solve("-o", "out.h5", "-checkpoint", "folder/../out.h5"), ["-o", "-checkpoint", "same file"]),
    (USAGE, solve("-o", "HERE/out.h5", "-checkpoint", "./out.h5"), ["-o", "-checkpoint", "same file"]),
    (USAGE, solve("-o", "elsewhere/out.h5", "-checkpoint", "folder/out.h5"), ["-o", "-checkpoint", "same file"]),
    (USAGE, solve("-o", "away", "-checkpoint", "out.h5"), ["-o", "-checkpoint", "same file"]),
    (USAGE, solve("-o", "out.1", "-checkpoint", "out"), ["-o", "older generation", "-checkpoint"]),
    (USAGE, solve("-o", "out.h5.1", "-checkpoint", "away"), ["-o", "older generation", "-checkpoint"]),
    (USAGE, with_output("-checkpoint", "run.ckpt", "-log", "run.ckpt"), ["-checkpoint", "-log", "same file"]),
    (USAGE, with_output("-checkpoint", "out", "-log", "out.1"), ["older generation", "-log"]),
    (USAGE, with_output("-log", "./out.h5"), ["-o", "-log", "same file"]),
    (USAGE, with_output("-stop_file", "out.h5"), ["-o", "-stop_file", "same file"]),
    (USAGE, with_output("-log", "out", "-stop_file", "out"), ["-log", "-stop_file", "same file"]),
    (USAGE, with_output("-checkpoint", "out", "-stop_file", "out"), ["-checkpoint", "-stop_file", "same file"]),
    (USAGE, ["check", "r.h5", "-log", "r.h5"], ["r.h5", "-log", "input"]),
    (USAGE, with_output("-log_view", ":out.h5"), ["-o", "-log_view", "same file"]),
    # an output in an input
    (USAGE, with_output("-log_view", ":y.npy"), ["y.npy", "-log_view", "input"]),
    (USAGE, with_output("-log_view", "ascii:./ylink.npy:ascii_xml"), ["ylink.npy", "-log_view", "input"]),
    (USAGE, with_output("-ksp_monitor", "ascii:y.npy"), ["y.npy", "-ksp_monitor", "input"]),
    (USAGE, solve("-o", "ylink.npy"), ["ylink.npy", "-o", "input"]),
    (USAGE, solve("-o", "yhard.npy"), ["yhard.npy", "-o", "input"]),
    (USAGE, with_output("-checkpoint", "y.npy"), ["y.npy", "-checkpoint", "input"]),
    (USAGE, with_output("-checkpoint", "ylink.npy"), ["ylink.npy", "-checkpoint", "input"]),
    (USAGE, with_output("-weights", "w.npy", "-checkpoint", "w.npy"), ["w.npy", "-checkpoint", "-weights"]),
    (USAGE, with_output("-start", "r.h5", "-checkpoint", "r.h5"), ["r.h5", "-checkpoint", "-start"]),
    (USAGE, with_output("-start", "r.h5", "-log", "r.h5"), ["r.h5", "-log", "-start"]),
    (USAGE, with_output("-options_file", "options.txt", "-log", "options.txt"), ["-log", "-options_file"]),
    (USAGE, ["solve", "r.h5:/targets", "-o", "r.h5"], ["r.h5", "-o", "input"]),
    (USAGE, ["sample", "r.h5", "-n", 5, "-o", "r.h5"], ["r.h5", "-o", "input"]),
    (USAGE, ["sample", "r.h5", "-n", 5, "-labels", "labels.npy", "-o", "labels.npy"], ["-o", "-labels"]),
    (USAGE, ["map", "r.h5", "y.npy", "-o", "yhard.npy"], ["yhard.npy", "-o", "input"]),
    (USAGE, ["facets", "r.h5", "-o", "folder/../r.h5"], ["r.h5", "-o", "input"]),
    (USAGE, ["encode", "y.npy", "-dim", 1, "-o", "ylink.npy"], ["-o", "input"]),
    (USAGE, ["decode", "codes.h5", "-codes", "r.h5:/targets", "-o", "r.h5"], ["-o", "-codes"]),
    (USAGE, ["frechet", "y.npy", "yhard.npy", "-map", "y.npy"], ["y.npy", "-map", "input"]),
    (USAGE, ["info", "r.h5", "-log", "r.h5"], ["r.h5", "-log", "input"]),
    # a file of another kind
    (USAGE, solve("-o", "map.h5"), ["map.h5", "brenier-map", "'brenier map'", "-o"]),
    (USAGE, solve("-o", "run.ckpt"), ["run.ckpt", "brenier-checkpoint", "-o"]),
    (USAGE, solve("-o", "notes.txt"), ["notes.txt", "-o"]),
    (USAGE, solve("-o", "w.npy"), ["w.npy", "-o"]),
    (USAGE, solve("-o", "log.jsonl"), ["log.jsonl", "-o"]),
    (USAGE, solve("-o", "mine.h5"), ["mine.h5", "-o"]),
    (USAGE, solve("-o", "cut.h5"), ["cut.h5", "-o"]),
    (USAGE, with_output("-checkpoint", "r.h5"), ["r.h5", "brenier-result", "'brenier solve'", "-checkpoint"]),
    (USAGE, with_output("-checkpoint", "w.npy"), ["w.npy", "-checkpoint"]),
    (USAGE, with_output("-checkpoint", "notes.txt"), ["notes.txt", "-checkpoint"]),
    (USAGE, with_output("-checkpoint", "old"), ["old.1", "-checkpoint"]),
    (USAGE, with_output("-log", "w.npy"), ["w.npy", "-log"]),
    (USAGE, with_output("-log", "r.h5"), ["r.h5", "-log"]),
    (USAGE, with_output("-log", "run.ckpt"), ["run.ckpt", "-log"]),
    (USAGE, with_output("-log", "notes.txt"), ["notes.txt", "-log"]),
    (USAGE, with_output("-log_view", ":r.h5"), ["r.h5", "not a text file", "-log_view"]),
    (USAGE, ["check", "r.h5", "-log_view", ":y.npy"], ["y.npy", "not a text file", "-log_view"]),
    (USAGE, ["sample", "r.h5", "-n", 5, "-o", "map.h5"], ["map.h5", "brenier-map", "-o"]),
    (USAGE, ["map", "r.h5", "y.npy", "-o", "data.h5"], ["data.h5", "brenier-data", "-o"]),
    (USAGE, ["facets", "r.h5", "-o", "map.h5"], ["map.h5", "brenier-map", "-o"]),
    (USAGE, ["encode", "y.npy", "-dim", 1, "-o", "r.h5"], ["r.h5", "brenier-result", "-o"]),
    (USAGE, ["decode", "codes.h5", "-o", "r.h5"], ["r.h5", "brenier-result", "-o"]),
    (USAGE, ["frechet", "y.npy", "y.npy", "-map", "r.h5"], ["r.h5", "brenier-result", "-map"]),
    # names that cannot be written
    (IO, solve("-o", "pipe"), ["pipe"]),
    (IO, solve("-o", "/dev/stdout"), ["/dev/stdout"]),
    (IO, solve("-o", "/dev/null"), ["/dev/null"]),
    (IO, solve("-o", LONG), [LONG, "too long"]),
    (IO, solve("-o", "./" * 2040 + "out.h5"), ["too long"]),
    (IO, solve("-o", "./" * 3000 + "out.h5"), ["longer than"]),
    (IO, solve("-o", "."), [".", "folder"]),
    (IO, solve("-o", "elsewhere"), ["elsewhere", "folder"]),
    (IO, solve("-o", "folder/"), ["folder/", "folder"]),
    (IO, solve("-o", "new/"), ["new/", "slash"]),
    (IO, solve("-o", "y.npy/out.h5"), ["y.npy", "not a folder"]),
    (IO, solve("-o", "gone/out.h5"), ["gone", "does not exist"]),
    (IO, solve("-o", "lost"), ["lost", "gone", "does not exist"]),
    (IO, solve("-o", "circle"), ["circle", "links"]),
    (IO, solve("-o", "readonly_r.h5"), ["readonly_r.h5", "mode 444", "chmod"]),
    (USAGE, solve("-o", ""), ["-o"]),
    (IO, with_output("-checkpoint", "pipe"), ["pipe"]),
    (IO, with_output("-checkpoint", "/dev/null"), ["/dev/null"]),
    (IO, with_output("-checkpoint", LONG[:254]), [".1", "too long"]),
    (IO, with_output("-log", "pipe"), ["pipe", "reader"]),
    (IO, with_output("-log", "folder"), ["folder", "log"]),
    (IO, with_output("-log", "gone/log"), ["gone/log"]),
    (IO, with_output("-log", LONG), ["too long"]),
    (IO, with_output("-log", "readonly_log.jsonl"), ["readonly_log.jsonl", "mode 444"]),
    (IO, ["sample", "r.h5", "-n", 5, "-o", "pipe"], ["pipe"]),
    (IO, ["map", "r.h5", "y.npy", "-o", LONG], ["too long"]),
    (IO, ["frechet", "y.npy", "y.npy", "-map", "/dev/null"], ["/dev/null"]),
    # pipes as inputs
    (IO, with_output("-start", "pipe"), ["pipe"]),
    (IO, with_output("-weights", "pipe"), ["pipe"]),
    (IO, ["solve", "pipe", "-o", "out.h5"], ["pipe"]),
    (IO, with_output("-options_file", "pipe"), ["pipe"]),
    (IO, ["info", "pipe"], ["pipe"]),
    (IO, ["check", "pipe"], ["pipe"]),
    (IO, ["check", "pipe", "-checkpoint"], ["pipe"]),
    (IO, ["map", "r.h5", "pipe", "-o", "out.h5"], ["pipe"]),
    (IO, ["decode", "pipe", "-o", "out.h5"], ["pipe"]),
]  # fmt: skip


def contents(folder):
    """What every file holds, and where every link leads."""
    found = {}
    for path in folder.iterdir():
        if path.is_symlink():
            found[path.name] = os.readlink(path)
        elif path.is_file():
            found[path.name] = path.read_bytes()
        else:
            found[path.name] = stat.filemode(path.stat().st_mode)
    return found


@pytest.fixture(scope="module")
def outcomes(folder):
    before = contents(folder)
    with ThreadPoolExecutor(2) as pool:
        yield [pool.submit(alone, *(str(word).replace("HERE", str(folder)) for word in words), code=code, cwd=folder)
               for code, words, _ in REFUSED]  # fmt: skip
    assert contents(folder) == before


@pytest.mark.parametrize("number", range(len(REFUSED)), ids=[" ".join(map(str, case[1]))[:80] for case in REFUSED])
def test_refused(outcomes, number):
    done = outcomes[number].result()
    lines = done.stderr.splitlines()
    assert len(lines) == 1 and lines[0].startswith("brenier: error: "), done.stderr
    for word in REFUSED[number][2]:
        assert word in lines[0]
    assert "    0     1" not in done.stdout  # before the work: the first iteration


def test_refused_on_two_ranks(folder):
    """One sentence, from one rank."""
    done = brenier(*solve("-o", "out.h5", "-checkpoint", "out.h5"), code=USAGE, cwd=folder)
    assert [line for line in done.stderr.splitlines() if "error" in line] == [
        "brenier: error: out.h5 (-o) and out.h5 (-checkpoint) are the same file; give two files"
    ]


@pytest.mark.parametrize("there", [True, False])
def test_link_to_a_file(place, there):
    scratch = place / "scratch"
    scratch.mkdir()
    if there:
        shutil.copy(place / "r.h5", scratch / "real.h5")
    (place / "link.h5").symlink_to("scratch/real.h5")
    alone(*solve("-o", "link.h5", "-seed", 7), cwd=place)
    assert os.readlink(place / "link.h5") == "scratch/real.h5"
    assert read_result(scratch / "real.h5").seed == 7 and os.listdir(scratch) == ["real.h5"]


def test_link_to_a_folder_and_from_a_folder(place):
    (place / "far" / "scratch").mkdir(parents=True)
    (place / "near").mkdir()
    (place / "near" / "dir").symlink_to("../far")
    (place / "near" / "chain").symlink_to("dir/scratch/real.h5")
    alone(*solve("-o", "near/chain"), cwd=place)
    assert (place / "near" / "chain").is_symlink() and os.listdir(place / "far" / "scratch") == ["real.h5"]
    assert os.listdir(place / "near") in (["dir", "chain"], ["chain", "dir"])


def stopped_solve(place):
    """A solve that has left two generations of its checkpoint; the command that continues it."""
    command = ["solve", "y.npy", "-curves", 500, "-cells", "curves", "-o", "n.h5", "-checkpoint", "c"]
    for _ in range(2):
        alone(*command, "-max_time", 0.001, code=STOPPED, cwd=place)
    return command


def test_stop_file_may_be_an_input(place):
    """It is only looked for, once a second, so that a run as short as this may end before."""
    process = start(*solve("-o", "n.h5", "-stop_file", "y.npy"), cwd=place)
    bounded.finish(process, SECONDS)
    assert process.returncode in (0, 6) and (place / "n.h5").exists()


def test_checkpoint_behind_a_link(place):
    """Both generations lie where the link leads, and the run goes on from there."""
    scratch = place / "scratch"
    scratch.mkdir()
    (place / "c").symlink_to("scratch/c")
    command = stopped_solve(place)
    assert sorted(os.listdir(scratch)) == ["c", "c.1"] and os.readlink(place / "c") == "scratch/c"
    assert "continues from c" in alone(*command, cwd=place).stdout
    assert os.listdir(scratch) == ["c"] and (place / "c").is_symlink() and not (place / "c.1").exists()
    assert "finished already" in alone(*command, cwd=place).stdout


def test_log_behind_a_dangling_link(place):
    (place / "l").symlink_to("real.jsonl")
    alone("check", "r.h5", "-curves", 64, "-log", "l", cwd=place)
    assert read_log(place / "real.jsonl") and (place / "l").is_symlink()


def test_older_output_and_empty_file_are_replaced(place):
    before = (place / "log.jsonl").read_text()
    (place / "empty.h5").touch()
    (place / "empty.jsonl").touch()
    alone(*solve("-o", "r.h5", "-seed", 9, "-log", "log.jsonl"), cwd=place)
    assert read_result(place / "r.h5").seed == 9 and (place / "log.jsonl").read_text() != before
    assert read_log(place / "log.jsonl")
    alone(*solve("-o", "empty.h5", "-log", "empty.jsonl"), cwd=place)
    assert read_result(place / "empty.h5").seed == 1 and read_log(place / "empty.jsonl")


def test_mode_and_owner_of_a_replaced_file(place):
    (place / "r.h5").chmod(0o640)
    if os.geteuid() == 0:
        os.chown(place / "r.h5", 65534, 65534)
    before = (place / "r.h5").stat()
    alone(*solve("-o", "r.h5"), cwd=place)
    after = (place / "r.h5").stat()
    assert (after.st_mode, after.st_uid, after.st_gid) == (before.st_mode, before.st_uid, before.st_gid)
    assert after.st_ino != before.st_ino


@pytest.mark.parametrize("mask, mode", [(0o077, 0o600), (0o022, 0o644), (0o027, 0o640)])
def test_umask_of_a_new_file(place, mask, mode):
    old = os.umask(mask)
    try:
        alone(*solve("-o", "new.h5", "-log", "new.jsonl"), cwd=place)
    finally:
        os.umask(old)
    assert [stat.S_IMODE((place / name).stat().st_mode) for name in ("new.h5", "new.jsonl")] == [mode, mode]


def test_output_that_is_a_hard_link_of_the_start(place):
    """The other name keeps what it had."""
    os.link(place / "r.h5", place / "other.h5")
    before = (place / "r.h5").read_bytes()
    alone(*solve("-o", "other.h5", "-start", "r.h5", "-seed", 3), cwd=place)
    assert (place / "r.h5").read_bytes() == before and read_result(place / "other.h5").seed == 3


def test_output_that_is_a_link_to_the_start(place):
    (place / "link.h5").symlink_to("r.h5")
    alone(*solve("-o", "link.h5", "-start", "r.h5", "-seed", 3), cwd=place)
    assert (place / "link.h5").is_symlink() and read_result(place / "r.h5").seed == 3


def test_finished_solve_with_its_files_read_only(place):
    """It writes neither again."""
    for name in ("r.h5", "run.ckpt"):
        (place / name).chmod(0o444)
    done = alone(*solve("-o", "r.h5", "-checkpoint", "run.ckpt"), cwd=place)
    assert "finished already" in done.stdout


def test_damaged_checkpoint_beside_a_whole_one(place):
    """It is no file of another kind."""
    command = stopped_solve(place)
    (place / "c").write_bytes(bytes(5000))
    assert "continues from c.1" in alone(*command, cwd=place).stdout


def test_log_into_the_file_of_standard_output(place):
    """By whatever name: both are whole, and what stood there before stays."""
    for number, name in enumerate(("/dev/stdout", "said.txt", "/proc/self/fd/1")):
        with open(place / "said.txt", "w") as said:
            said.write("before\n")
            said.flush()
            alone("check", "r.h5", "-curves", 64, "-log", name, cwd=place, stdout=said)
        lines = (place / "said.txt").read_text().splitlines()
        events = [json.loads(line)["event"] for line in lines if line.startswith("{")]
        assert lines[0] == "before" and events == ["check"] and any("rho" in line for line in lines), number


def test_log_to_devices(place):
    assert '{"event":"check"' in alone("check", "r.h5", "-curves", 64, "-log", "/dev/stderr", cwd=place).stderr
    alone("check", "r.h5", "-curves", 64, "-log", "/dev/null", cwd=place)


def test_log_to_a_pipe_with_a_reader(place):
    os.mkfifo(place / "pipe")
    reader = os.open(place / "pipe", os.O_RDONLY | os.O_NONBLOCK)  # there before the program looks for one
    process = start(*solve("-o", "n.h5", "-log", "pipe"), cwd=place)
    said, ended = b"", False
    while not ended:
        ended = process.poll() is not None  # then what is read next is the rest
        with contextlib.suppress(BlockingIOError):
            while part := os.read(reader, 1 << 16):
                said += part
        time.sleep(0.005)
    os.close(reader)
    _, err = bounded.finish(process, SECONDS)
    assert process.returncode == 0 and not err, err
    said = said.splitlines()
    assert [json.loads(line)["event"] for line in said][:1] == ["start"] and json.loads(said[-1])["event"] == "end"


def test_log_to_a_pipe_whose_reader_goes(place):
    """A warning, and the run goes on."""
    os.mkfifo(place / "pipe")
    reader = os.open(place / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    process = start(*solve("-o", "n.h5", "-log", "pipe"), cwd=place)
    while process.poll() is None:
        try:
            if os.read(reader, 1):
                break
        except BlockingIOError:
            pass
        time.sleep(0.005)
    os.close(reader)
    _, err = bounded.finish(process, SECONDS)
    assert process.returncode == 0 and len(err.splitlines()) <= 1 and (place / "n.h5").exists(), err


def test_report_of_petsc(place):
    """It may be written anew."""
    for _ in range(2):
        alone("check", "r.h5", "-curves", 64, "-log_view", ":report.txt", cwd=place)
    assert "PETSc Performance Summary" in (place / "report.txt").read_text()


def test_closed_standard_streams(place):
    """What is printed goes into no file."""
    command = '"$0" solve y.npy -curves 500 -o n.h5 -log n.jsonl <&- >&- 2>&-'
    done = bounded.run(["bash", "-c", command, PROGRAM], SECONDS, cwd=place, env=ENVIRONMENT)
    assert done.returncode == 0 and read_result(place / "n.h5").status == "converged"
    assert [event["event"] for event in read_log(place / "n.jsonl")][-1] == "end"


@pytest.mark.parametrize("option", ["-o", "-checkpoint"])
def test_output_that_standard_output_goes_to(place, option):
    with open(place / "n.h5", "w") as said:
        words = ["-o", "n.h5"] if option == "-o" else ["-o", "m.h5", "-checkpoint", "n.h5"]
        done = alone(*solve(*words), code=USAGE, cwd=place, stdout=said)
    assert option in done.stderr and "standard output" in done.stderr


SAMPLE = ("sample", "r.h5", "-n", "10000000", "-noise", "no", "-o", "s.h5")


def is_half(path):
    """Of 240 MB, which are reserved first, then given back."""
    try:
        return 100_000 < path.stat().st_size < 120_000_000
    except FileNotFoundError:
        return False


def wait_for_half_a_file(place, process):
    end = time.monotonic() + SECONDS
    while not any(map(is_half, place.glob("*.tmp"))):
        assert process.poll() is None and time.monotonic() < end
        time.sleep(0.01)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1])
def test_stopped_sample_leaves_nothing(place, number):
    """Neither half a file nor another one than before."""
    alone("sample", "r.h5", "-n", 5, "-o", "s.h5", cwd=place)
    before = contents(place)
    process = start(*SAMPLE, cwd=place)
    wait_for_half_a_file(place, process)
    process.send_signal(number)
    _, err = bounded.finish(process, SECONDS)
    assert process.returncode == -number and contents(place) == before
    assert err == "brenier: error: ended by a signal; nothing was written to s.h5\n"


@pytest.mark.alone
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stopped_sample_under_mpiexec_leaves_nothing(place, number):
    """mpiexec gives a rank a second between TERM and KILL."""
    before = contents(place)
    process = bounded.start(["bash", "-c", SHELL, REPOSITORY, PROGRAM, *SAMPLE], cwd=place,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                            env={**ENVIRONMENT, "BRENIER_RANKS": "2"}, preexec_fn=take_signals)  # fmt: skip
    wait_for_half_a_file(place, process)
    process.send_signal(number)
    said, _ = bounded.finish(process, SECONDS)
    assert process.returncode != 0 and "PETSC ERROR" not in said, said
    assert contents(place) == before


def test_ignored_signal_stays_ignored(place):
    """As nohup has it."""
    process = start(*SAMPLE, cwd=place, preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
    wait_for_half_a_file(place, process)
    process.send_signal(signal.SIGHUP)
    time.sleep(0.2)
    assert process.poll() is None
    process.terminate()
    bounded.finish(process, SECONDS)

"""Where the Python tests find what they test, in which order they run, which ./check -quick leaves out, and how each of
them ends."""
import faulthandler
import itertools
import os
import resource
import sys
from collections import Counter

import pytest

REPOSITORY = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FOLDERS = ("analysis", "tests", "tests/style", "tests/end_to_end")
sys.path[:0] = [os.path.join(REPOSITORY, folder) for folder in FOLDERS]

import bounded  # noqa: E402

# Files go to workers as a whole, in this order: those that wait and those that take longest begin, so that none is left
# for the end.
FIRST = ("test_slurm.py", "test_passes.py", "test_restart.py", "test_outputs.py", "test_blocks.py", "test_ranks.py",
         "test_refusals.py", "test_modes.py", "test_solve.py", "test_aeot.py", "test_low.py", "test_stops.py",
         "test_full_disk.py", "test_device.py", "test_environment.py", "test_hard.py", "test_strange_input.py",
         "test_quickstart.py")  # fmt: skip

# But these tests of a file, by words of their names, go by themselves: as a whole it would be the last to end. Those of
# Slurm have a second Slurm then.
APART = {"test_passes.py": ("many_targets", "loose", "barycentres", "verified", "another_method", "without_newton"),
         "test_slurm.py": ("time_limit", "lost", "old_ranks", "requeue", "mpirun")}  # fmt: skip

# What ./check -quick runs: files that take seconds, and together try most commands once.
QUICK = ("test_style.py", "test_links.py", "test_words.py", "test_layers.py", "test_bounded.py",
         "test_brenier_files.py", "test_brenier_samples.py", "test_convert.py", "test_idx_to_hdf5.py",
         "test_augment.py", "test_commands.py", "test_encode.py")  # fmt: skip

SECONDS = 900  # of a test, with its fixtures; a mark `timeout` gives it more
EXTRA = 120  # after that a test that waits outside of Python ends its worker
WORKER = "BRENIER_TEST_WORKER"  # with pytest's PYTEST_CURRENT_TEST it tells what a test has started
STANDARD_ERROR = []  # as it was before pytest took it
PROCESSOR = "seconds of processor time"  # a property of a report: of what the test has started
USED = [0.0]  # of it, before this phase of a test

os.environ[WORKER] = str(os.getpid())


def pytest_ignore_collect(collection_path, config):
    """./check -quick does not read the files of which it runs no test: some of them load libraries for seconds."""
    name = collection_path.name
    return name.startswith("test_") and name not in QUICK and "not slow" in config.option.markexpr or None


def pytest_configure():
    STANDARD_ERROR.append(os.dup(2))


def limit(item):
    """Seconds of a test: more where one program may take more (tests/sanitize)."""
    mark = item.get_closest_marker("timeout")
    return (mark.args[0] if mark else SECONDS) * max(1, bounded.TIME_LIMIT / 600)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    for item in items:
        if item.path.name not in QUICK:
            item.add_marker(pytest.mark.slow)
        item.add_marker(pytest.mark.timeout(limit(item)), append=False)
        apart = any(word in item.name for word in APART.get(item.path.name, ()))
        item.add_marker(pytest.mark.xdist_group(item.path.name + " apart" * apart))
    order = {name: place for place, name in enumerate(FIRST)}
    items.sort(key=lambda item: order.get(item.path.name, len(order)))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_protocol(item):
    faulthandler.dump_traceback_later(item.get_closest_marker("timeout").args[0] + EXTRA, exit=True,
                                      file=STANDARD_ERROR[-1])  # fmt: skip
    yield
    faulthandler.cancel_dump_traceback_later()


def started_by(test):
    """Ids of the processes that this phase of a test has started."""
    found = set()
    wanted = {f"PYTEST_CURRENT_TEST={test}".encode(), f"{WORKER}={os.environ[WORKER]}".encode()}
    for pid, _ in bounded.processes():
        try:
            with open(f"/proc/{pid}/environ", "rb") as file:
                if wanted <= set(file.read().split(b"\0")):
                    found.add(pid)
        except OSError:
            pass
    return found - {os.getpid()}


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """What a test has started: its processor time, and when it took too long its names and its end."""
    report = (yield).get_result()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    report.user_properties = [(PROCESSOR, used.ru_utime + used.ru_stime - USED[0])]
    USED[0] = used.ru_utime + used.ru_stime
    if call.excinfo and call.excinfo.type is pytest.fail.Exception and str(call.excinfo.value).startswith("Timeout >"):
        test = os.environ["PYTEST_CURRENT_TEST"]
        ran = bounded.kill(lambda: started_by(test), 2)
        report.sections.append((f"still running after {limit(item):.0f} s, now ended", "\n".join(ran) or "nothing"))


def pytest_terminal_summary(terminalreporter):
    """Seconds of the files that took longest, with the waits of their tests, and processor time of what they started:
    what to shorten when all take too long."""
    seconds, processor = Counter(), Counter()
    for report in itertools.chain.from_iterable(terminalreporter.stats.values()):
        if hasattr(report, "duration"):
            name = os.path.basename(report.nodeid.split("::")[0])
            seconds[name] += report.duration
            processor[name] += dict(report.user_properties).get(PROCESSOR, 0.0)
    if sum(seconds.values()) < 60:
        return
    terminalreporter.section(f"{sum(seconds.values()):.0f} s in all, {sum(processor.values()):.0f} s of processor time")
    for name, total in seconds.most_common(40):
        terminalreporter.write_line(f"{total:7.1f} s {processor[name]:7.1f} s  {name}")

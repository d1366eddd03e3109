"""Where the Python tests find what they test, in which order they run, and which ./check -quick leaves out."""
import os
import sys

import pytest

REPOSITORY = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path[:0] = [os.path.join(REPOSITORY, folder) for folder in ("analysis", "tests", "tests/style")]

# Files go to workers as a whole, in this order: those that wait and those that take longest begin, so that none is left
# for the end.
FIRST = ("test_slurm.py", "test_passes.py", "test_outputs.py", "test_restart.py", "test_refusals.py", "test_modes.py",
         "test_aeot.py", "test_low.py", "test_stops.py", "test_full_disk.py", "test_environment.py",
         "test_hard.py", "test_solve.py")  # fmt: skip

# What ./check -quick runs: files that take seconds, and together try most commands once.
QUICK = ("test_style.py", "test_links.py", "test_words.py", "test_layers.py", "test_brenier_files.py",
         "test_brenier_samples.py", "test_convert.py", "test_idx_to_hdf5.py", "test_commands.py", "test_encode.py")  # fmt: skip


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    for item in items:
        if item.path.name not in QUICK:
            item.add_marker(pytest.mark.slow)
    order = {name: place for place, name in enumerate(FIRST)}
    items.sort(key=lambda item: order.get(item.path.name, len(order)))

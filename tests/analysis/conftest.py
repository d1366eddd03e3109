"""Fixtures: a made-up result file and log."""
import pytest
from synthetic import write_log, write_result


@pytest.fixture
def result_file(tmp_path):
    return write_result(tmp_path / "result.h5")


@pytest.fixture
def log_file(tmp_path):
    return write_log(tmp_path / "log.jsonl")

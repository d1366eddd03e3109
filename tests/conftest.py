"""Where the Python tests find what they test."""
import os
import sys

REPOSITORY = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path[:0] = [os.path.join(REPOSITORY, folder) for folder in ("analysis", "tests", "tests/style")]

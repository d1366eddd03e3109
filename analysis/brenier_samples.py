"""The reader of brenier.samples under the name by which scripts import it."""
import sys

from brenier import samples

sys.modules[__name__] = samples

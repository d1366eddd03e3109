"""The readers of brenier.files under the name by which the scripts of this folder import them."""
import sys

from brenier import files

sys.modules[__name__] = files

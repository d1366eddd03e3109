"""How Brenier's figures look: one set of colours, sizes and helpers, so that they belong together.

Colours are from Okabe and Ito, "Color Universal Design" (2008), distinguishable with every common colour vision.
"""
import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt  # noqa: E402

BLUE = "#0072B2"
ORANGE = "#D55E00"
GREEN = "#009E73"
GREY = "#6B6B6B"
LIGHT = "#D9D9D9"
INK = "#222222"

STYLE = {
    "figure.dpi": 150,
    "savefig.dpi": 150,
    "figure.facecolor": "white",
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 10,
    "axes.labelsize": 10,
    "axes.labelcolor": INK,
    "axes.edgecolor": GREY,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#ECECEC",
    "grid.linewidth": 0.8,
    "text.color": INK,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "lines.linewidth": 1.8,
    "lines.markersize": 4.5,
}


def new_figure(width, height):
    """An empty figure in Brenier's style, in inches."""
    plt.rcParams.update(STYLE)
    return plt.figure(figsize=(width, height))


def save(figure, path):
    """Writes a picture that depends on its content alone: no dates, no software version."""
    figure.savefig(path, metadata={"Software": None} if str(path).endswith(".png") else None)
    plt.close(figure)


def percent(value):
    """A share in words: one decimal, below 1% two digits that count; 0.0987 is 9.9%."""
    return f"{100 * value:.1f}%" if value >= 0.00995 else f"{100 * value:.2g}%"


def percent_axis(axes):
    """A logarithmic vertical axis in percent, for what was drawn; within a decade the ticks between are labelled,
    too."""

    def words(value, _):
        return f"{100 * value:g}%"

    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(words)
    low, high = axes.get_ylim()
    if high < 10 * low:
        axes.yaxis.set_minor_formatter(words)

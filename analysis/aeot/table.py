"""The scores of runs as one table: mean over seeds; from two seeds on the half width of the 95% interval (Student)."""
import argparse
import os

import numpy as np
from brenier_files import run as run_script
from scipy import stats

from aeot import figures
from aeot.training import read_json

METHODS = {
    "ae-ot": "AE-OT",
    "ae-ot-targets": "AE-OT, targets alone",
    "vae": "VAE",
    "wgan-gp": "WGAN-GP",
    "ae-gaussian": "auto-encoder, normal codes",
    "reconstructed": "test images, decoded codes",
    "training images": "training images",
}
GENERATORS = ("ae-ot", "vae", "wgan-gp")
COLUMNS = {
    "frechet": ("Fréchet distance", 1, ".2f"),
    "precision": ("precision", 1, ".3f"),
    "recall": ("recall", 1, ".3f"),
    "density": ("density", 1, ".3f"),
    "coverage": ("coverage", 1, ".3f"),
    "classes_within_15": ("classes within 15%", 1, ".1f"),
    "bins_wrong": ("bins wrong of 100", 1, ".0f"),
    "bins_empty": ("bins empty", 1, ".0f"),
    "nearest_ratio": ("nearest training image", 1, ".2f"),
    "near_copies": ("near copies", 100, ".1f"),
}


def half_width(values):
    """Of the 95% interval of the mean."""
    return stats.t.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / np.sqrt(len(values))


def cell(values, scale, form):
    text = format(scale * np.mean(values), form)
    return f"{text} ± {format(scale * half_width(values), form)}" if len(values) > 1 else text


def markdown(summaries):
    names = [f"{title}{' (%)' if scale == 100 else ''}" for title, scale, _ in COLUMNS.values()]
    lines = [f"| method | {' | '.join(names)} |", f"|---|{'---|' * len(names)}"]
    for method, title in METHODS.items():
        runs = [summary["scores"][method] for summary in summaries]
        cells = [cell([run[name] for run in runs], scale, form) for name, (_, scale, form) in COLUMNS.items()]
        lines.append(f"| {title} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def draw(summaries, path):
    """Frechet distances and class shares of the methods that generate; of training images the distance alone."""
    values = {title: [run["scores"][method]["frechet"] for run in summaries] for method, title in METHODS.items()}
    bars = {title: (np.mean(runs), half_width(runs) if len(runs) > 1 else 0.0) for title, runs in values.items()}
    ratios = {METHODS[method]: [run["scores"][method]["class_ratios"] for run in summaries] for method in GENERATORS}
    figures.compare(bars, ratios, summaries[0]["class_names"], path)


def merge(folders, out):
    """Writes the table and the figure of some runs."""
    summaries = [read_json(os.path.join(folder, "scores.json")) for folder in folders]
    text = markdown(summaries)
    with open(os.path.join(out, "table.md"), "w", encoding="utf-8") as file:
        file.write(text)
    draw(summaries, os.path.join(out, "scores.png"))
    print(text, end="")


def main(arguments):
    parser = argparse.ArgumentParser(prog="run table", description="Merges the scores of runs.", allow_abbrev=False)
    parser.add_argument("folders", nargs="+", metavar="DIR", help="folders of runs that are done")
    parser.add_argument("--out", required=True, metavar="DIR", help="folder of the table")
    options = parser.parse_args(arguments)
    return run_script("aeot table", lambda: merge(options.folders, options.out))

"""The pictures of a run: images side by side, paths in noise space, nearest training images, shares of the classes."""
import numpy as np
from figure_style import BLUE, GREEN, GREY, LIGHT, ORANGE, new_figure, save
from image_grid import GAP, draw_images

from aeot.networks import SIDE

COLUMNS, ROWS = 8, 8
STEPS = 16  # images along a path
SHOWN_PATHS = 3  # of each kind
NEAREST = 4


def grid(blocks, path):
    """Blocks of images (title -> [n, 28, 28]) side by side; the first of each, none picked."""
    count = len(blocks)
    figure = new_figure(3.3 * count, 3.75)
    for axes, (title, images) in zip(np.ravel(figure.subplots(1, count)), blocks.items()):
        draw_images(axes, images[: ROWS * COLUMNS], COLUMNS, 1.0)
        axes.set_title(title)
    figure.subplots_adjust(left=0.01, right=0.99, bottom=0.02, top=0.9, wspace=0.05)
    save(figure, path)


def nearest(made, found, path):
    """A generated image in each column, over the training images that are nearest to it: found [n, NEAREST, 28, 28]."""
    count = len(made)
    width, height = 0.52 * count + 1.5, 0.52 * (NEAREST + 1) + 0.75
    figure = new_figure(width, height)
    grids = figure.subplots(2, 1, gridspec_kw={"height_ratios": [1, NEAREST]})
    rows = {"generated": made, "nearest\ntraining\nimages": np.concatenate(found.swapaxes(0, 1))}
    for axes, (name, images) in zip(grids, rows.items()):
        draw_images(axes, images, count, 1.0)
        axes.text(-0.012, 0.5, name, transform=axes.transAxes, ha="right", va="center")
    grids[0].set_title("Images of AE-OT and the training images nearest to them")
    figure.subplots_adjust(left=1.05 / width, right=0.99, bottom=0.02, top=1 - 0.35 / height, hspace=0.06)
    save(figure, path)


def paths(groups, threshold, path):
    """Groups of paths: title -> (images [rows, STEPS, 28, 28], jump angles in degrees [rows, STEPS - 1])."""
    figure = new_figure(9.0, 0.3 + sum(0.56 * len(group[0]) + 0.4 for group in groups.values()))
    grids = figure.subplots(len(groups), 1)
    for axes, (title, (images, angles)) in zip(grids, groups.items()):
        draw_images(axes, np.concatenate(images), STEPS, 1.0)
        axes.set_title(title)
        for row, between in enumerate(angles):
            for step in np.flatnonzero(between > threshold):
                mark_jump(axes, row, step)
    figure.tight_layout()
    save(figure, path)


def mark_jump(axes, row, step):
    """A bar after image `step` of a row, where the path crosses a singular facet."""
    pitch = SIDE + GAP
    across, down = [pitch * (step + 1) - 1.5] * 2, [pitch * row - 0.5, pitch * row + SIDE - 0.5]
    axes.plot(across, down, color=ORANGE, linewidth=2.2, solid_capstyle="butt")


def as_pictures(images):
    return images.squeeze(1).numpy()


def compare(frechet, ratios, names, path):
    """Left the Frechet distances, method -> (mean, half width or 0); right shares of classes over the real ones,
    method -> [runs, classes]; `names` of the classes."""
    colours = dict(zip(ratios, (BLUE, ORANGE, GREEN, GREY)))
    figure = new_figure(10.5, 3.9)
    left, right = figure.subplots(1, 2, gridspec_kw={"width_ratios": [1.2, 2]})
    draw_bars(left, frechet, colours)
    right.axhspan(0.85, 1.15, color=LIGHT, alpha=0.6, linewidth=0)
    right.axhline(1, color=GREY, linewidth=0.8)
    for number, (method, runs) in enumerate(ratios.items()):
        at = np.arange(len(names)) + 0.16 * (number - (len(ratios) - 1) / 2)
        for run in runs:
            right.plot(at, run, "o", color=colours[method], label=method if run is runs[0] else None)
    right.set_xticks(np.arange(len(names)), names, rotation=35, ha="right")
    right.set_ylim(0, max(2.0, 1.05 * max(np.max(runs) for runs in ratios.values())))
    right.set_title("Share of each class, over its real share (band: 15%)")
    right.legend(loc="upper right", ncol=len(ratios))
    right.xaxis.grid(False)
    figure.tight_layout()
    save(figure, path)


def draw_bars(axes, values, colours):
    methods = list(values)[::-1]
    means, widths = zip(*(values[method] for method in methods))
    colour = [colours.get(method, LIGHT) for method in methods]
    axes.barh(methods, means, xerr=widths if any(widths) else None, color=colour, capsize=3, ecolor=GREY)
    for row, (mean, width) in enumerate(zip(means, widths)):
        axes.text(mean + width, row, f"  {mean:.2f}", va="center", fontsize=9)
    axes.set_xlim(0, 1.18 * max(mean + width for mean, width in zip(means, widths)))
    axes.set_title("Fréchet distance to test images")
    axes.yaxis.grid(False)

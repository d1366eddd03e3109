"""Table and picture of a study."""
import datetime
import os
import platform

import numpy as np
from aeot.table import cell
from aeot.training import read_json
from figure_style import BLUE, GREEN, GREY, INK, LIGHT, ORANGE, new_figure, save

from flow import study, velocity
from flow.pairs import ASSIGNMENT

NAMES = {"independent": "independent", "mini-batch": "optimal in the mini-batch", "brenier": "Brenier"}
COLOURS = {"independent": GREY, "mini-batch": ORANGE, "brenier": BLUE}
SHOWN_PATHS = 40
SHOWN_CODES = 2000
MEASURES = {"frechet": ("Fréchet distance", ".2f"), "sliced": ("Sliced distance", ".3f")}


def processor():
    """Name of the processor with its widest vectors, as far as the system tells."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            lines = dict(line.split(":", 1) for line in file if ":" in line)
        facts = {name.strip(): value.strip() for name, value in lines.items()}
    except OSError:
        facts = {}
    name = facts.get("model name", platform.processor() or "processor")
    flags = set(facts.get("flags", "").split())
    wide = next((word for flag, word in (("avx512f", "AVX-512"), ("avx2", "AVX2")) if flag in flags), None)
    return f"{name} with {wide}" if wide else name


def origin(command):
    today = datetime.date.today()
    return f"`{command}`, {processor()}, {today.day} {today:%B %Y}."


def gather(options):
    """Kind -> list of what its trainings found."""
    return {
        kind: [read_json(study.piece(options, kind, seed, "json")) for seed in options.seeds] for kind in study.KINDS
    }


def rows(found, best):
    """Lines of the two tables of distances, a row for each kind; the first has the curvature, too."""
    steps = [str(steps) for steps in study.EULER_STEPS]
    for name, (title, form) in MEASURES.items():
        last = ["curvature"] if name == "frechet" else []
        yield f"| {' | '.join(['pairs', f'{title} after 1 step', *steps[1:], *last])} |"
        yield f"|---|{'---|' * len(steps + last)}"
        for kind, runs in found.items():
            cells = [cell([run["steps"][k][name] for run in runs], 1, form) for k in steps]
            cells += [cell([run[measure] for run in runs], 1, ".3f") for measure in last]
            yield f"| {NAMES[kind]} | {' | '.join(cells)} |"
        limits = [format(best[name], form)] * len(steps) + [""] * len(last)
        yield f"| training codes themselves | {' | '.join(limits)} |"
        yield ""


def cost(found, options):
    """Lines of the table of seconds."""
    once = read_json(os.path.join(options.out, "map.json"))["seconds"]
    yield "| pairs | seconds of training | of these for pairs | seconds once, for the map |"
    yield "|---|---|---|---|"
    for kind, runs in found.items():
        cells = [cell([run[name] for run in runs], 1, ".0f") for name in ("seconds", "seconds_pairs")]
        yield f"| {NAMES[kind]} | {' | '.join(cells)} | {f'{once:.0f}' if kind == 'brenier' else ''} |"


def table(options, codes, result):
    """Markdown: the tables, and what they were made of and by."""
    found, seeds = gather(options), len(options.seeds)
    spread = f"Means of {seeds} seeds with 95% intervals (Student's). " if seeds > 1 else ""
    return "\n".join([
        *rows(found, study.limit(codes)), *cost(found, options), "",
        f"{len(codes.training):,} training codes and {len(codes.held_out):,} held-out codes in dimension {codes.dim}; "
        f"{options.steps:,} steps of {options.batch} pairs. {spread}"
        f"rho of the map is {result.rho:.3f} ({result.rho_low:.3f} to {result.rho_high:.3f}). "
        f"{ASSIGNMENT} solves the mini-batches. Seconds are processor seconds; "
        "for the map, elapsed seconds times ranks.",
        "", origin(options.command), ""])  # fmt: skip


def draw_distances(axes, found, best):
    steps = study.EULER_STEPS
    for kind, runs in found.items():
        values = np.array([[run["steps"][str(k)]["frechet"] for k in steps] for run in runs])
        axes.plot(steps, values.mean(axis=0), "o-", color=COLOURS[kind], label=NAMES[kind])
        axes.fill_between(steps, values.min(axis=0), values.max(axis=0), color=COLOURS[kind], alpha=0.2, linewidth=0)
    axes.axhline(best, color=GREEN, linestyle="--", linewidth=1.2, label="training codes")
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.set_xticks(steps, [str(k) for k in steps])
    axes.minorticks_off()
    axes.set_xlabel("Euler steps")
    axes.set_title("Fréchet distance to held-out codes")
    axes.legend(loc="upper right")


def draw_paths(axes, codes, paths, colour):
    """Paths in the plane of the first two coordinates, from noise (open) to sample (filled)."""
    shown = codes.held_out[:SHOWN_CODES, :2]
    axes.plot(*shown.T, ".", color=LIGHT, markersize=2, zorder=0)
    for path in np.swapaxes(paths, 0, 1)[:, :, :2]:
        axes.plot(*path.T, color=colour, linewidth=0.8, alpha=0.8)
    axes.plot(*paths[0, :, :2].T, "o", color="white", markeredgecolor=INK, markeredgewidth=0.6, markersize=3)
    axes.plot(*paths[-1, :, :2].T, "o", color=colour, markersize=3)
    low, high = np.quantile(shown, [0.005, 0.995], axis=0)
    axes.set_xlim(low[0], high[0])
    axes.set_ylim(low[1], high[1])
    axes.set_xticks([])
    axes.set_yticks([])
    axes.grid(False)


def draw(options, codes, path):
    """Distances by steps, and paths of the same noise for each kind of pairs."""
    found = gather(options)
    figure = new_figure(13.0, 3.7)
    axes = figure.subplots(1, 1 + len(found), gridspec_kw={"width_ratios": [1.35] + [1] * len(found)})
    draw_distances(axes[0], found, study.limit(codes)["frechet"])
    noise = study.noise_for(codes)[:SHOWN_PATHS]
    for one, (kind, runs) in zip(axes[1:], found.items()):
        network = study.load(options, kind, options.seeds[0], codes)
        draw_paths(one, codes, velocity.move(network, noise, study.EULER_STEPS[-1]), COLOURS[kind])
        one.set_title(NAMES[kind][0].upper() + NAMES[kind][1:])
        one.set_xlabel(f"paths, curvature {np.mean([run['curvature'] for run in runs]):.2f}")
    figure.tight_layout()
    save(figure, path)

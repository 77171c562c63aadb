"""The article's figures, drawn from the numbers that mnist_mlp/figure_example.py and figure_training.py compute.

Made to be read at a width of 760 pixels, and by colour-blind readers: the colours are those of Okabe and Ito (Color
Universal Design, 2008), and nothing is told by colour alone.
"""

import io
import math
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

import matplotlib as mpl
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from PIL import Image

from mnist_mlp.backprop import SCALED_TANH_A
from mnist_mlp.figure_example import Answers, Column, Cost, Example, Net, Neuron, rounded_to_add_up
from mnist_mlp.figure_training import UNDECIDED, XOR, Ablation, Boundary, CostCurve, Sigmoids
from mnist_mlp.layers import sigma

WIDTH = 7.6  # inches, of 100 pixels each at the size that they are made for
DPI = 200
PNG_COLOURS = 128
BLUE, ORANGE, LIGHT_ORANGE, GREEN = "#0072B2", "#D55E00", "#E69F00", "#009E73"
INK, GREY, FAINT = "#000000", "#707070", "#D0D0D0"
NEGATIVE, POSITIVE = BLUE, ORANGE  # weights
BOX = {"facecolor": "white", "edgecolor": "none", "pad": 1.5}
DECIMALS, COST_DECIMALS = 3, 5
MINUS = "\N{MINUS SIGN}"  # as wide as a plus and as digits
STYLES: list[dict[str, Any]] = [  # of several curves in one chart
    {"color": INK, "linestyle": "-", "marker": "o"},
    {"color": GREEN, "linestyle": "--", "marker": "s"},
    {"color": ORANGE, "linestyle": "-.", "marker": "^"},
    {"color": BLUE, "linestyle": ":", "marker": "D"},
]
SETTINGS: dict[Any, Any] = {
    "font.size": 9,
    "axes.titlesize": 9.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "svg.hashsalt": "mnist_mlp",  # the same figure is the same file
}


def style() -> AbstractContextManager[None]:
    """To draw in."""
    return mpl.rc_context(SETTINGS)


def as_bytes(figure: Figure, form: str) -> bytes:
    """The content of a file, "png" or "svg"; without its date, so that the same figure is the same file."""
    content = io.BytesIO()
    if form == "svg":
        figure.savefig(content, format="svg", metadata={"Date": None})
        return content.getvalue()
    figure.savefig(content, format="png", dpi=DPI, pil_kwargs={"compress_level": 0})
    with Image.open(content) as image:
        palette = image.convert("RGB").quantize(PNG_COLOURS, dither=Image.Dither.NONE)  # a third of the bytes
    content = io.BytesIO()
    palette.save(content, format="PNG", optimize=True)
    return content.getvalue()


def draw_net(net: Net, example: Example) -> Figure:
    """Figure 1: the net as neurons and connections."""
    figure = _new(4.9, layout=None)
    thumbnail = figure.add_axes((0.015, 0.36, 0.17, 0.264))
    _show_digit(thumbnail, example)
    pixels = net.columns[0].neurons.numpy()
    thumbnail.scatter(pixels % 28, pixels // 28, marker="s", s=14, facecolors="none", edgecolors=ORANGE, linewidths=1)
    axes = figure.add_axes((0, 0.09, 1, 0.9))
    axes.set_axis_off()
    axes.set(xlim=(0, WIDTH), ylim=(-0.5, 13.1))
    xs = np.linspace(2.2, 6.75, len(net.columns))
    heights = [np.linspace(11, 0, 2 * len(c.neurons) + 1)[1::2] for c in net.columns]
    place = {column.layer: i for i, column in enumerate(net.columns)}
    strongest = abs(net.connections[-1].weight)
    for layer, start, end, weight in net.connections:
        i, share = place[layer], abs(weight) / strongest
        axes.plot(
            xs[i : i + 2],
            [heights[i][start], heights[i + 1][end]],
            color=POSITIVE if weight > 0 else NEGATIVE,
            linestyle="-" if weight > 0 else (0, (3, 1.5)),
            linewidth=0.3 + 2.2 * share,
            alpha=0.25 + 0.7 * share,
            zorder=1,
        )
    for i, (x, column) in enumerate(zip(xs, net.columns, strict=True)):
        last = i == len(net.columns) - 1
        low, high = (net.paper, net.ink) if column.layer == 0 else _range(column)
        ink = ((column.activations - low) / (high - low)).clamp(0, 1).tolist()
        colours = [str(1 - share) for share in ink]
        axes.scatter([x] * len(ink), heights[i], s=165, c=colours, edgecolors=INK, linewidths=0.9, zorder=2)
        axes.text(x, 13.1, _column_title(column, last), ha="center", va="top", linespacing=1.25)
        if i and column.layer - 1 not in place:
            axes.text((xs[i - 1] + x) / 2, 5.5, "…", ha="center", va="center", fontsize=16)
        for y, neuron, a in zip(heights[i], column.neurons.tolist(), column.activations.tolist(), strict=True):
            if column.layer == 0:
                axes.text(
                    x - 0.14, y, _source("pixel", neuron).removeprefix("pixel "), ha="right", va="center", fontsize=8
                )
            if last:
                bold = "bold" if a == float(column.activations.max()) else "normal"
                axes.text(x + 0.14, y, f"{neuron}:  {_text(a)}", va="center", weight=bold)
    figure.text(
        0.5,
        0.015,
        "neurons, of large layers only some: the darker, the larger the activation\n"
        "the strongest weights between them: solid orange positive, dashed blue negative; the thicker, the stronger",
        ha="center",
        fontsize=8.5,
    )
    return figure


def _column_title(column: Column, last: bool) -> str:
    shown = f"\n{len(column.neurons)} of {column.size:,}" if len(column.neurons) < column.size else ""
    if column.layer == 0:
        return f"input: pixels\n(row, column){shown}"
    return (f"output layer\n{column.function}" if last else f"hidden layer {column.layer}\n{column.function}") + shown


def _range(column: Column) -> tuple[float, float]:
    """The lowest and the highest activation that the layer's σ can give; for the identity, of those shown."""
    if column.function == "identity":
        low, high = float(column.activations.min()), float(column.activations.max())
        return low, max(high, low + 1e-6)
    return {"sigmoid": (0.0, 1.0), "tanh": (-1.0, 1.0), "scaled_tanh": (-SCALED_TANH_A, SCALED_TANH_A)}[column.function]


def draw_neuron(neuron: Neuron, example: Example) -> Figure:
    """Figure 2: one neuron's sum as a table, and its activation on the curve of σ."""
    others, bias = [neuron.others] * (neuron.n_others > 0), [] if neuron.bias is None else [neuron.bias]
    parts = [*(term.product for term in neuron.terms), *others, *bias]
    balance = len(neuron.terms) if others else 0
    shown = rounded_to_add_up(parts, DECIMALS, balance)
    names = [_source(neuron.below, term.source) for term in neuron.terms]
    names += [f"{neuron.n_others:,} others together"] * len(others) + ["bias b"] * len(bias)
    rows = [[name, "", "", _text(part)] for name, part in zip(names, shown, strict=True)]
    for row, term in zip(rows, neuron.terms, strict=False):
        row[1:3] = _text(term.activation), _text(term.weight)
    rows.append([f"sum z{'' if bias else ' (this net has no biases)'}", "", "", _text(sum(shown))])
    figure = _new(3.8, layout=None)
    table = figure.add_axes((0.015, 0.02, 0.62, 0.96))
    y = _table(table, (0.0, 0.46, 0.63, 0.82), ["from", "activation a", "weight w", "product a w"], rows)
    scale = 0.07 / max(1e-9, *map(abs, parts))
    for height, part in zip(y, parts, strict=False):
        table.barh(height, scale * part, left=0.92, height=0.045, color=POSITIVE if part > 0 else NEGATIVE)
    table.plot([0.92, 0.92], [y[-1] + 0.04, y[0] + 0.04], color=INK, linewidth=0.8)
    _show_digit(figure.add_axes((0.76, 0.735, 0.125, 0.25)), example)
    axes = figure.add_axes((0.7, 0.13, 0.28, 0.36))
    z = np.linspace(-(reach := max(6.0, 1.25 * abs(neuron.z))), reach, 201)
    axes.plot(z, sigma(neuron.function, torch.from_numpy(z)).numpy(), color=BLUE)
    axes.plot([neuron.z, neuron.z, -reach], [axes.get_ylim()[0], neuron.a, neuron.a], color=INK, linestyle=":")
    axes.plot(neuron.z, neuron.a, "o", color=ORANGE)
    axes.set(xlim=(-reach, reach), xlabel="z", ylabel="a")
    axes.set_title(f"output neuron {neuron.digit}: a = σ(z)\nσ({_text(neuron.z)}) = {_text(neuron.a)}")
    return figure


def draw_answers(answers: Answers, example: Example) -> Figure:
    """Figure 3: the ten output activations before and after training."""
    figure = _new(2.9)
    thumbnail, *panels = figure.subplots(1, 3, width_ratios=[1, 1.7, 1.7])
    _show_digit(thumbnail, example)
    titles = f"untrained (seed {answers.seed})", "trained"
    both = torch.stack([answers.untrained, answers.trained])
    low, high = min(0.0, float(both.min())), max(1.0, float(both.max()))
    for axes, title, activations in zip(panels, titles, both, strict=True):
        guess = int(activations.argmax())
        axes.barh(
            range(len(activations)),
            activations.tolist(),
            color=[ORANGE if digit == guess else BLUE for digit in range(len(activations))],
            hatch=["///" if digit == guess else "" for digit in range(len(activations))],
            edgecolor="white",
        )
        for digit, a in enumerate(activations.tolist()):
            bold = "bold" if digit == guess else "normal"
            axes.text(max(a, 0) + 0.02 * (high - low), digit, _text(a), va="center", weight=bold)
        axes.set(xlim=(low, high + 0.25 * (high - low)), yticks=range(len(activations)))
        axes.locator_params(axis="x", nbins=4)
        axes.invert_yaxis()
        axes.set(title=f"{title}: the guess is {guess}", xlabel="activation")
    panels[0].set_ylabel("output neuron")
    return figure


def draw_cost(cost: Cost, example: Example) -> Figure:
    """Figure 4: the cost of one example, term by term, and those of the whole training set."""
    term = f"(a {MINUS} y)²" if cost.function == "mse" else "term"
    shown = rounded_to_add_up(cost.terms.tolist(), COST_DECIMALS, int(cost.terms.argmax()))
    rows = [
        [f"output neuron {digit}", _text(a, COST_DECIMALS - 1), _short(y), _text(part, COST_DECIMALS)]
        for digit, (a, y, part) in enumerate(zip(cost.a.tolist(), cost.y.tolist(), shown, strict=True))
    ]
    rows.append(["sum", "", "", _text(sum(shown), COST_DECIMALS)])
    rows.append([f"cost of this example: sum / {len(shown)}", "", "", _text(cost.cost, COST_DECIMALS + 1)])
    figure = _new(3.9, layout=None)
    table = figure.add_axes((0.015, 0.02, 0.53, 0.96))
    _table(table, (0.0, 0.54, 0.7, 0.97), ["", "activation a", "target y", term], rows, sums=2)
    _show_digit(figure.add_axes((0.745, 0.735, 0.125, 0.2436)), example)
    axes = figure.add_axes((0.66, 0.13, 0.325, 0.33))
    axes.hist(cost.training_costs.numpy(), bins=40, color=BLUE, edgecolor="white", linewidth=0.4, log=True)
    axes.axvline(cost.average, color=ORANGE, linestyle="--")
    axes.axvline(cost.cost, color=INK, linestyle=":")
    axes.set(xlabel="cost of an example", ylabel="training images")
    axes.set_title(
        f"{len(cost.training_costs):,} training images,\naverage C(w) = {_text(cost.average, COST_DECIMALS + 1)} "
        f"(dashed)\nthis example: {_text(cost.cost, COST_DECIMALS + 1)} (dotted)"
    )
    axes.set_ylim(bottom=0.7)
    axes.minorticks_off()
    return figure


def draw_cost_curve(curve: CostCurve) -> Figure:
    """Figure 5: the average cost against one weight, two tangents, and the steps that η makes there."""
    figure = _new(4.1)
    axes = figure.add_subplot()
    w, costs = curve.values.numpy(), curve.costs.numpy()
    room = costs.max() - costs.min() or 1e-9
    axes.plot(w, costs, color=BLUE, linewidth=2)
    axes.plot(curve.weight, np.interp(curve.weight, w, costs), "D", color=GREEN)
    longest = max(abs(tangent.step) for tangent in curve.tangents)
    times = 10.0 ** math.floor(math.log10(0.25 * (w[-1] - w[0]) / longest)) if longest > 0 else 1.0
    lines = []
    for name, tangent in zip("AB", curve.tangents, strict=True):
        x = np.array([tangent.w - 0.14 * (w[-1] - w[0]), tangent.w + 0.14 * (w[-1] - w[0])])
        axes.plot(x, tangent.cost + tangent.slope * (x - tangent.w), color=ORANGE, linestyle="--")
        axes.plot(tangent.w, tangent.cost, "o", color=ORANGE)
        axes.annotate(
            name, (tangent.w, tangent.cost), xytext=(0, 9), textcoords="offset points", ha="center", weight="bold"
        )
        if tangent.step:
            tip = (tangent.w + times * tangent.step, tangent.cost)
            axes.annotate("", tip, (tangent.w, tangent.cost), arrowprops={"arrowstyle": "-|>", "color": INK, "lw": 1.4})
        lines.append(
            f"{name}:  w = {_text(tangent.w)},  slope dC/dw = {_digits(tangent.slope)},  "
            f"step {MINUS}η dC/dw = {_digits(tangent.step)}"
        )
    drawn = "to scale" if times == 1 else f"{times:g} times as long as they are"
    lines.append(f"◆:  the trained net, w = {_text(curve.weight)},  slope dC/dw = {_digits(curve.gradient)}")
    lines.append(f"dashed: the tangents, by back propagation;  arrows: the steps with η = {curve.eta:g}, drawn {drawn}")
    figure.suptitle("\n".join(lines), fontsize=9, linespacing=1.5)
    axes.set(
        xlim=(w[0], w[-1]),
        ylim=(costs.min() - 0.12 * room, costs.max() + 0.08 * room),
        xlabel=f"weight w from {_source(curve.below, curve.source)} to output neuron {curve.digit}",
        ylabel=f"average cost C(w), {curve.images:,} training images",
    )
    return figure


def draw_sigmoids(curves: Sigmoids) -> Figure:
    """Figure 6: what a weight does to the sigmoid, and what a bias does."""
    figure = _new(2.8)
    panels = figure.subplots(1, 2, sharey=True)
    for axes, title, name, family in (
        (panels[0], "the weight makes it steeper: σ(w x)", "w", curves.by_weight),
        (panels[1], "the bias moves it: σ(x + b)", "b", curves.by_bias),
    ):
        for i, ((value, a), style) in enumerate(zip(family.items(), STYLES, strict=False)):
            axes.plot(
                curves.x.tolist(),
                a.tolist(),
                **style,
                markevery=(5 * i, 20),
                markersize=4,
                label=f"{name} = {_short(value)}",
            )
        axes.axhline(0.5, color=FAINT, linewidth=0.8, zorder=0)
        axes.axvline(0, color=FAINT, linewidth=0.8, zorder=0)
        axes.set(title=title, xlabel="x, the activation of the one input")
        axes.legend(loc="upper left")
    panels[0].set_ylabel("activation a")
    return figure


def draw_xor(boundaries: Sequence[Boundary]) -> Figure:
    """Figure 7: XOR, the nets with biases above those without."""
    columns = (len(boundaries) + 1) // 2
    figure = _new(5.9)
    shades = LinearSegmentedColormap.from_list("answers", [BLUE, "white", LIGHT_ORANGE])
    panels = figure.subplots(2, columns, sharex=True, sharey=True)
    for axes, b in zip(panels.flat, boundaries, strict=True):
        extent = 2 * (float(b.axis[0]), float(b.axis[-1]))
        drawn = axes.imshow(b.lead.numpy(), cmap=shades, vmin=-1, vmax=1, origin="lower", extent=extent)
        if float(b.lead.abs().max()) >= UNDECIDED:
            axes.contour(b.axis.numpy(), b.axis.numpy(), b.lead.numpy(), levels=[0.0], colors=INK, linewidths=1.6)
        leads = (b.outputs[:, 1] - b.outputs[:, 0]).tolist()
        for pixels, label, lead in zip(XOR.images.flatten(1).tolist(), XOR.labels.tolist(), leads, strict=True):
            x, y = (pixel / 255 for pixel in pixels)
            axes.plot(x, y, "o", markersize=13, markerfacecolor="white", markeredgecolor=INK)
            axes.text(x, y, str(label), ha="center", va="center_baseline", weight="bold")
            if abs(lead) < UNDECIDED or (lead > 0) != (label == 1):
                text = "undecided" if abs(lead) < UNDECIDED else "wrong"
                axes.annotate(text, (x, y), xytext=(0, -18), textcoords="offset points", ha="center", bbox=BOX)
        name = "no nonlinearity" if b.activation == "identity" else b.activation
        axes.set_title(f"{name},\n{'with' if b.bias else 'without'} biases: {b.right} of 4 right")
        axes.set(xticks=[0, 1], yticks=[0, 1])
    for axes in panels[-1]:
        axes.set_xlabel("first input")
    for axes in panels[:, 0]:
        axes.set_ylabel("second input")
    bar = figure.colorbar(drawn, ax=panels, orientation="horizontal", shrink=0.5, aspect=40, ticks=[-1, 0, 1])
    bar.ax.set_xticklabels(["the net says 0", "undecided", "the net says 1"])
    return figure


def draw_ablations(ablations: Sequence[Ablation]) -> Figure:
    """Figure 8: cost curves of nets with one change each, and their test accuracy."""
    figure = _new(3.4)
    curves, points = figure.subplots(1, 2, width_ratios=[1.7, 1])
    for i, (run, style) in enumerate(zip(ablations, STYLES, strict=False)):
        percent = 100 * run.test_accuracy
        curves.plot(range(1, len(run.costs) + 1), run.costs, **style, markersize=5, label=run.name)
        points.plot(percent, i, color=style["color"], marker=style["marker"], clip_on=False)
        points.text(percent, i - 0.16, f"{percent:.1f}%", ha="center", va="bottom")
        points.axhline(i, color=FAINT, linewidth=0.8, zorder=0)
    curves.set(xlabel="epochs", ylabel="average cost, validation split", ylim=(0, None))
    curves.xaxis.get_major_locator().set_params(integer=True)
    figure.legend(loc="outside upper center", ncols=len(ablations), handlelength=3)
    low = 10 * math.floor(10 * min(run.test_accuracy for run in ablations) - 0.5)
    points.set(xlim=(max(0, low), 100), ylim=(len(ablations) - 0.5, -0.7), yticks=[], xlabel="test accuracy, %")
    return figure


def _new(height: float, layout: Any = "constrained") -> Figure:
    return Figure(figsize=(WIDTH, height), layout=layout)


def _show_digit(axes: Axes, example: Example) -> None:
    axes.imshow(example.image.numpy(), cmap="gray_r", vmin=0, vmax=255)
    axes.set(xticks=[], yticks=[])
    for spine in axes.spines.values():
        spine.set(visible=True, color=GREY)
    axes.set_xlabel(f"{example.split} image\n{example.place:,}: a {example.label}", fontsize=8.5)


def _table(
    axes: Axes, edges: Sequence[float], heads: Sequence[str], rows: list[list[str]], sums: int = 1
) -> list[float]:
    """Text in columns, the first flush left, the others flush right; the last `sums` rows below a line.

    Returns:
        The height of each row's middle, in the units of `axes`, 0..1.
    """
    axes.set_axis_off()
    axes.set(xlim=(0, 1), ylim=(0, 1))
    heights = [1 - (i + 0.5) / (len(rows) + 1) for i in range(len(rows) + 1)]
    for i, (y, row) in enumerate(zip(heights, [heads, *rows], strict=True)):
        total = i > len(rows) - sums
        for j, (x, text) in enumerate(zip(edges, row, strict=True)):
            align, weight = "right" if j else "left", "bold" if total else "normal"
            axes.text(x, y, text, va="center", ha=align, weight=weight, color=INK if i else GREY)
    for above in (1, len(rows) + 1 - sums):
        y = 1 - above / (len(rows) + 1)
        axes.plot([0, edges[-1]], [y, y], color=GREY, linewidth=0.8)
    return heights[1:]


def _source(kind: str, number: int) -> str:
    """A neuron of the layer below, by name; of a pixel, row and column."""
    return f"pixel {number // 28}, {number % 28}" if kind == "pixel" else f"{kind} {number}"


def _text(value: float, decimals: int = DECIMALS) -> str:
    """With a real minus sign, and none before zero."""
    return f"{round(value, decimals) + 0.0:.{decimals}f}".replace("-", MINUS)


def _short(value: float) -> str:
    return f"{value:g}".replace("-", MINUS)


def _digits(value: float) -> str:
    """With two significant digits."""
    decimals = 1 - math.floor(math.log10(abs(value))) if value else 1
    return _text(value, max(0, decimals)) if decimals <= 7 else f"{value:.1e}".replace("-", MINUS)

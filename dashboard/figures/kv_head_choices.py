"""All candidates for the number of K/V heads in one row each: users, loss, and published models.

Three columns share their rows. Users that fit are bars, with the limit as a dashed line. The small
model's loss is a marker at measured ratios alone. Published models are counted. Each bar carries
the number of its candidate, so that a click can select it.
"""

from __future__ import annotations

from collections.abc import Iterator

import plotly.graph_objects as go

from dashboard.figures.builder import FigureBuilder
from dashboard.figures.candidate_texts import (
    loss_hover,
    option_label,
    published_hover,
    ratio_text,
    users_hover,
    users_text,
)
from dashboard.figures.colors import text_color_on
from dashboard.figures.style import (
    ELSEWHERE,
    FONT,
    GRID,
    INK,
    NEUTRAL,
    VARIANT_STYLES,
    base_layout,
)
from gqa_core import units
from gqa_core.advice import Advice
from gqa_core.advice.advise import Option

ROW_HEIGHT, TITLES_HEIGHT, FOOT_HEIGHT = 40, 58, 12  # pixels
MAX_ROWS_HEIGHT, MIN_ROW_HEIGHT = 360, 20  # as high as fits with them; more rows than 18 do not
LABELS_WIDTH = 104  # pixels, left of the rows
DOMAINS = ((0.0, 0.42), (0.52, 0.72), (0.82, 1.0))  # of the columns
TITLES = ("users<br>that fit", "loss once<br>converted", "published<br>models")
LABEL_SHARE = 0.14  # of the users' axis, as wide as a number
LIMIT_SHARE = 0.3  # of the users' axis, where the limit stands if many more users fit
ROOM = 1.25  # of an axis over its largest number, for the label at a bar's end
PASSES = 0.4  # opacity of what passes but is not recommended
FAILS = "rgba(136, 136, 136, 0.35)"
LEAST_LOSS = 0.8  # nats per byte: the losses' axis reaches to it
NO_FADING = {"marker": {"opacity": 1}}  # what is not selected: a click fades nothing


def kv_head_choices(advice: Advice, chosen_kv_heads: int | None = None) -> go.Figure:
    """The figure of all options; a ring marks `chosen_kv_heads`, those of the sliders."""
    figure = FigureBuilder()
    _add_users(figure, advice)
    _add_losses(figure, advice)
    _add_published(figure, advice)
    _add_slider_mark(figure, advice, chosen_kv_heads)
    n_rows = len(advice.options)
    _add_title(figure, 0, "K/V heads<br>(sharing)", "right")
    for index, domain in enumerate(DOMAINS):
        figure.update_layout(**{_axis("xaxis", index): _column_axis(advice, index, domain)})
        figure.update_layout(**{_axis("yaxis", index): _row_axis(advice, index)})
        _add_title(figure, domain[0], TITLES[index], "left")
    rows = max(min(n_rows * ROW_HEIGHT, MAX_ROWS_HEIGHT), n_rows * MIN_ROW_HEIGHT)
    margin = {"l": LABELS_WIDTH, "r": 16, "t": TITLES_HEIGHT, "b": FOOT_HEIGHT}
    figure.default_layout(**base_layout(rows + TITLES_HEIGHT + FOOT_HEIGHT, margin))
    figure.update_layout(showlegend=False, bargap=0.3, barmode="overlay", hovermode="closest")
    return figure.figure()


def _add_title(figure: FigureBuilder, x: float, text: str, side: str) -> None:
    """The title of a column, in two short lines that fit on a phone."""
    figure.add_annotation(
        x=x,
        y=1,
        xref="paper",
        yref="paper",
        xanchor=side,
        yanchor="bottom",
        yshift=14,
        xshift=-10 if side == "right" else 0,
        align=side,
        text=text,
        showarrow=False,
        font=FONT,
    )


def _add_users(figure: FigureBuilder, advice: Advice) -> None:
    """Bars of users, cut at the end of the axis, with their number; and the limit."""
    most, limit = _users_axis_end(advice), advice.request.n_users
    users = [_users(option) for option in advice.options]
    figure.add_bar(
        orientation="h",
        x=[min(number or 0, most) for number in users],
        y=list(range(len(users))),
        customdata=[option.candidate.n_kv_heads for option in advice.options],
        unselected=NO_FADING,
        marker={"color": list(_colors(advice)), "line": {"width": 0}},
        text=[users_text(option, most) for option in advice.options],
        textposition=[_text_position(number or 0, most, limit) for number in users],
        insidetextanchor="end",
        insidetextfont=FONT | {"color": [_ink(advice, option) for option in advice.options]},
        outsidetextfont=FONT,
        cliponaxis=False,
        hovertext=[users_hover(advice, option) for option in advice.options],
        hovertemplate="%{hovertext}<extra></extra>",
    )
    if limit is not None:
        figure.add_scatter(
            x=[limit, limit],
            y=[-0.5, len(users) - 0.5],
            mode="lines+text",
            text=[f"{limit:,} wanted", ""],
            textposition="top center",
            textfont=FONT,
            cliponaxis=False,
            line={"color": NEUTRAL, "width": 2, "dash": "dash"},
            hovertemplate=f"{units.count(limit, 'user')} wanted<extra></extra>",
        )


def _add_losses(figure: FigureBuilder, advice: Advice) -> None:
    """A marker with the spread of seeds at measured ratios, and a dash where none is measured."""
    rows = list(enumerate(advice.options))
    measured = [(index, option, option.loss) for index, option in rows if option.loss]
    figure.add_scatter(
        xaxis="x2",
        yaxis="y2",
        x=[loss.above_mha for _, _, loss in measured],
        y=[index for index, _, _ in measured],
        mode="markers+text",
        marker={
            "color": [VARIANT_STYLES[option.candidate.variant].color for _, option, _ in measured],
            "symbol": [
                VARIANT_STYLES[option.candidate.variant].symbol + ELSEWHERE
                for _, option, _ in measured
            ],
            "size": 10,
            "line": {"width": 1.5},
        },
        error_x={
            "type": "data",
            "symmetric": False,
            "array": [loss.high - loss.loss for _, _, loss in measured],
            "arrayminus": [loss.loss - loss.low for _, _, loss in measured],
            "thickness": 1.5,
            "width": 3,
            "color": NEUTRAL,
        },
        text=[f"{loss.above_mha:+.2f}" for _, _, loss in measured],
        textposition="top center",
        textfont=FONT | {"size": 11},
        cliponaxis=False,
        customdata=[option.candidate.n_kv_heads for _, option, _ in measured],
        unselected=NO_FADING,
        hovertext=[loss_hover(loss) for _, _, loss in measured],
        hovertemplate="%{hovertext}<extra></extra>",
    )
    missing = [(index, option) for index, option in rows if not option.loss]
    figure.add_scatter(
        xaxis="x2",
        yaxis="y2",
        x=[0.0] * len(missing),
        y=[index for index, _ in missing],
        mode="text",
        text=["-"] * len(missing),
        textposition="middle right",
        textfont=FONT | {"size": 11},
        hovertext=[f"not measured{ratio_text(option)}" for _, option in missing],
        hovertemplate="%{hovertext}<extra></extra>",
    )


def _add_published(figure: FigureBuilder, advice: Advice) -> None:
    """Open bars of published models of this size, with their names in the hover."""
    options = advice.options
    figure.add_bar(
        orientation="h",
        xaxis="x3",
        yaxis="y3",
        x=[len(option.chosen_by) for option in options],
        y=list(range(len(options))),
        customdata=[option.candidate.n_kv_heads for option in options],
        unselected=NO_FADING,
        marker={
            "color": "rgba(0, 0, 0, 0)",
            "line": {
                "width": 1.5,
                "color": [VARIANT_STYLES[option.candidate.variant].color for option in options],
            },
        },
        text=[str(len(option.chosen_by)) for option in options],
        textposition="outside",
        outsidetextfont=FONT,
        cliponaxis=False,
        hovertext=[published_hover(advice, option) for option in options],
        hovertemplate="%{hovertext}<extra></extra>",
    )


def _add_slider_mark(figure: FigureBuilder, advice: Advice, n_kv_heads: int | None) -> None:
    """A frame around the row of the sliders' K/V heads."""
    for index, option in enumerate(advice.options):
        if n_kv_heads is not None and option.candidate.n_kv_heads == n_kv_heads:
            figure.update_layout(
                shapes=[
                    {
                        "type": "rect",
                        "xref": "paper",
                        "x0": 0,
                        "x1": 1,
                        "y0": index - 0.45,
                        "y1": index + 0.45,
                        "line": {"color": NEUTRAL, "width": 1, "dash": "dot"},
                    }
                ]
            )


def _column_axis(advice: Advice, index: int, domain: tuple[float, float]) -> dict:
    axis = {
        "domain": list(domain),
        "anchor": "y" if index == 0 else f"y{index + 1}",
        "showticklabels": False,
        "showgrid": False,
        "zeroline": True,
        "zerolinecolor": GRID,
        "fixedrange": True,
    }
    if index == 0:
        return axis | {"range": [0, _users_axis_end(advice)]}
    if index == 1:
        high = [o.loss.high - o.loss.loss + o.loss.above_mha for o in advice.options if o.loss]
        largest = max([LEAST_LOSS, *high])
        return axis | {"range": [-0.12 * largest, ROOM * largest]}
    most = max((len(option.chosen_by) for option in advice.options), default=0)
    return axis | {"range": [0, ROOM * max(most, 1)]}


def _row_axis(advice: Advice, index: int) -> dict:
    """The rows from top to bottom; labels at the first column alone."""
    n_rows = len(advice.options)
    labels = [option_label(advice, option) for option in advice.options]
    return {
        "anchor": "x" if index == 0 else f"x{index + 1}",
        "range": [n_rows - 0.5, -0.5],
        "tickvals": list(range(n_rows)),
        "ticktext": labels,
        "showticklabels": index == 0,
        "showgrid": False,
        "zeroline": False,
        "fixedrange": True,
    }


def _axis(name: str, index: int) -> str:
    return name if index == 0 else f"{name}{index + 1}"


def _users(option: Option) -> int | None:
    return option.candidate.sizes.max_users if option.candidate.sizes else None


def _users_axis_end(advice: Advice) -> float:
    """The end of the users' axis: past the limit, but not so far that it cannot be seen."""
    most = max((number for option in advice.options if (number := _users(option))), default=1)
    limit = advice.request.n_users
    return ROOM * most if limit is None else min(ROOM * max(most, limit), limit / LIMIT_SHARE)


def _text_position(number: int, most: float, limit: int | None) -> str:
    """Inside a bar that is cut, or whose end is so near the limit that they would overlap."""
    label = LABEL_SHARE * most
    is_near = limit is not None and 0 < limit - number < label < number
    return "inside" if number * ROOM > most or is_near else "outside"


def _ink(advice: Advice, option: Option) -> str:
    """The colour of a number on its bar: dark or light on a full colour, else that of the page."""
    if option is not advice.recommended:
        return INK
    return text_color_on(VARIANT_STYLES[option.candidate.variant].color)


def _colors(advice: Advice) -> Iterator[str]:
    """Grey for what fails, a variant's colour for what passes, full for the recommended one."""
    for option in advice.options:
        color = VARIANT_STYLES[option.candidate.variant].color
        if not option.candidate.can_pass:
            yield FAILS
        elif option is advice.recommended:
            yield color
        else:
            yield f"rgba({', '.join(str(int(color[i : i + 2], 16)) for i in (1, 3, 5))}, {PASSES})"

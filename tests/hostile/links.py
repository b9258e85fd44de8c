"""Hostile links over all pages: random and crafted values of every parameter, without a browser."""

import random
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from streamlit.testing.v1 import AppTest

from dashboard.controls.sidebar import MORE
from dashboard.shell.page import PAGES, START
from dashboard.shell.panels import METHOD
from dashboard.shell.state import CURRENT
from tests.hostile.inputs import name
from tests.hostile.table import Counts

APP = Path(__file__).parents[2] / "app.py"
ODD = ("", " ", "0", "-0", "-1", "1", "2", "3", "7", "128", "8192", "1e3", "1e309", "nan", "inf")
ODD += ("9" * 5000, "0x10", "1_000", "\u0663", "\uff11", "\u00b2", "true", "null", "None", "[]")
ODD += ("{}", "<b>x", "$x$", ":smile:", "\u202e", "\x00", "a\nb", "%00", "../../etc/passwd")
ODD += ("--help", "=1+1", "GQA", "MLA", "x" * 5000, "Imported: x", "Custom, from ", "cuda:0")
ODD += ("Custom, from Llama 3 8B", "Llama 3 8B, as it is", "a missing model", "cpu", "typed in GB")
OTHER_KEYS = (
    "run",
    "imported_model",
    "compare",
    "model",
    "run_device",
    "unknown",
    "",
    "run_button",
)
OTHER_KEYS += (
    "reset_button",
    "config_text",
    "share_popover",
    "look_into_heads",
    "embed",
    "n_heads",
)
OPEN = (MORE, METHOD, "share_popover", "config_popover")


def visit(page: str, query: Mapping[str, Sequence[str]]) -> AppTest:
    """The page that a link opens, with its boxes open."""
    app = AppTest.from_file(str(APP), default_timeout=120)
    for key in OPEN:
        app.session_state[key] = True
    for key, values in query.items():
        app.query_params[key] = list(values)
    if page != START.name:
        app.switch_page(f"pages/{page}.py")
    return app.run()


def try_links(n_links: int, seed: int) -> Counts:
    """The counts of so many links, whose values are the inputs."""
    generator, counts, start = random.Random(seed), Counts("values in links"), time.process_time()
    pages = [entry.name for entry in PAGES]
    options = {page: _options(visit(page, {})) for page in pages}
    every_key = sorted({key for keys in options.values() for key in keys})
    for number in range(n_links):
        page = pages[number % len(pages)]
        keys = [*options[page]] * 3 + [*OTHER_KEYS, *every_key]
        query = {
            key: [
                _value(generator, options[page].get(key, []))
                for _ in range(generator.choice([1, 1, 1, 1, 2, 5]))
            ]
            for key in generator.choices(keys, k=generator.choice([1, 2, 4, 8, 16]))
        }
        counts.n_inputs += sum(map(len, query.values()))
        try:
            app = visit(page, query)
            counts.note(text.replace("\n", " ") for text in _texts(app))
            if app.exception:
                raise AssertionError(f"{page} {query} {app.exception[0].message}")
        except Exception:  # noqa: BLE001 - any is a traceback
            counts.note_traceback()
    counts.seconds = time.process_time() - start
    return counts


def _value(generator: random.Random, options: Sequence[str]) -> str:
    if options and generator.random() < 0.5:
        return generator.choice(options)
    return name(generator) if generator.random() < 0.2 else generator.choice(ODD)


def _options(app: AppTest) -> dict[str, list[str]]:
    """The options of the page's widgets by key."""
    has_widgets = CURRENT in app.session_state  # an old address leads to another page
    keys = app.session_state[CURRENT] if has_widgets else ()
    by_key: dict[str, list[str]] = {key: [] for key in keys}
    for widget in (*app.select_slider, *app.selectbox, *app.multiselect):
        by_key[widget.key] = [str(option) for option in widget.options]
    for widget in app.number_input:
        by_key[widget.key] = [str(widget.min), str(widget.max)]
    return by_key


def _texts(app: AppTest) -> list[str]:
    """Sentences of the page: link errors, warnings, errors."""
    blocks = [*app.warning, *app.error, *app.info]
    errors = [code.value for code in app.code if " in the link " in code.value]
    return [block.value[:400] for block in blocks] + [
        line[:400] for text in errors for line in text.splitlines()
    ]

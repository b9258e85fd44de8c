"""A start-up log pasted on the page Capacity: figures beside the formula, and refusals in words."""

import pytest

from tests.dashboard.page_probe import choose, page_texts, small_tables
from tests.engine_logs.lines import VLLM_TOKENS

AVAILABLE = 131_072 * 100_000 / 2**30  # GiB of 100,000 tokens of Llama 3 8B in bf16
LOG = f"""\
INFO 12-11 00:06:53 [gpu_worker.py:359] Available KV cache memory: {AVAILABLE:.2f} GiB
INFO 12-11 00:06:53 [kv_cache_utils.py:1286] GPU KV cache size: 100,000 tokens
INFO 12-11 00:06:54 [kv_cache_utils.py:1291] Maximum concurrency for 8,192 tokens per request: \
12.21x
something that nobody prints
"""


@pytest.fixture
def reconciled(opened):
    def paste(text, model=None, **query):
        app = opened("capacity", **query)
        if model:
            app = choose(app, model)
        app.session_state["engine_log_unfolded"] = True
        app = app.run()
        app.text_area(key="engine_log_text").set_value(text)
        app = app.button(key="engine_log_button").click().run()
        assert not app.exception, app.exception
        return app

    return paste


def figures(app):
    tables = [table for table in small_tables(app) if "Reported" in table[0]]
    return {row["Figure"]: row for row in tables[0]}


def test_a_log_of_this_model_agrees_and_what_was_not_read_is_counted(reconciled):
    app = reconciled(LOG)
    row = figures(app)["tokens, all layers"]
    assert row["Reported"] == "100,000"
    assert row["Within rounding"] == "yes"
    assert "what the formula says" in app.success[0].value.replace("\\", "")
    texts = page_texts(app).replace("\\", "")
    assert "Not understood: 1 of 4 lines." in texts
    assert "All layers: the formula as it is." in texts


def test_two_gpus_explain_a_log_with_half_the_bytes_per_token(reconciled):
    app = reconciled(LOG.replace("100,000 tokens", "200,000 tokens").replace("12.21x", "24.41x"))
    assert "an assumption explains" in app.info[0].value
    assert figures(app)["bytes per token and GPU, all layers"]["Formula"] == "131,072.0 B"
    texts = page_texts(app).replace("\\", "")
    assert "cache in fp8 (65,536.0 B per token), or explained by tensor parallel 2" in texts
    app = reconciled(LOG, n_gpus=2)
    assert figures(app)["bytes per token and GPU, all layers"]["Formula"] == "65,536.0 B"


def test_a_log_of_another_model_is_not_explained(reconciled):
    app = reconciled(VLLM_TOKENS)
    assert any("no assumption here explains" in box.value for box in app.warning)


def test_the_log_goes_with_the_model_that_is_chosen_later(reconciled):
    app = reconciled(LOG)
    app = choose(app, "Llama 3 70B")
    assert not app.exception
    assert figures(app)["bytes per token and GPU, all layers"]["Formula"] == "327,680.0 B"


def test_a_log_is_held_against_a_model_whose_weights_nobody_knows(reconciled):
    app = reconciled(LOG, model="GLM-4.5")
    assert figures(app)


@pytest.mark.parametrize("text", ["", "   ", "<b>hello</b>", "Traceback\n" * 100])
def test_text_that_is_no_log_is_refused_in_a_sentence(reconciled, text):
    app = reconciled(text)
    assert "got none that is known" in app.error[0].value.replace("\\", "")
    assert not [table for table in small_tables(app) if "Reported" in table[0]]


def test_a_log_without_figures_is_refused_in_a_sentence(reconciled):
    app = reconciled("INFO [gpu_model_runner.py] Model loading took 75.17 GiB and 116.2 seconds")
    assert "memory for the cache" in app.error[0].value.replace("\\", "")

"""An imported model in a link: the same numbers for who opens it, and a sentence where it lacks."""

import json
from urllib.parse import parse_qs, urlsplit

import pytest

from dashboard.controls import link_model
from dashboard.controls.imports import IMPORTS, MAX_IMPORTS
from gqa_core.model_files.layout_text import MAX_TEXT
from tests.dashboard.controls.test_model_box import MIXED, UNIFORM, box, pasted
from tests.dashboard.page_probe import import_box, link, metrics, slider

WEIGHED = MIXED | {
    "model_type": "llama",
    "hidden_size": 1296,
    "intermediate_size": 4096,
    "vocab_size": 32_000,
    "layer_types": ["sliding_attention"] * 3 + ["full_attention"] * 2,
    "torch_dtype": "float32",
}


def with_layers(n):
    return {"num_hidden_layers": n, "layer_types": ["full_attention"] * n}


def query(app):
    """The query of the link that Share shows, by key."""
    values = parse_qs(urlsplit(link(app)).query, keep_blank_values=True)
    return {key: texts[0] for key, texts in values.items()}


def link_errors(app):
    blocks = [code.value for code in app.code if " in the link" in code.value]
    return [line for block in blocks for line in block.splitlines()]


def captions(app):
    return " ".join(caption.value for caption in app.caption)


@pytest.fixture
def shared(opened):
    """The opened page of who shares, with a config imported, and its link's query."""
    app = pasted(opened("kv_cache", context_len=512, batch_size=4), WEIGHED)
    return app, query(app)


def test_a_link_opens_the_imported_model_with_its_name_numbers_and_weights(opened, shared):
    sender, settings = shared
    assert link_model.CARRIED in captions(sender)
    app = opened("kv_cache", **settings)
    assert link_errors(app) == []
    assert box(app) == box(sender) == "Imported config"
    assert metrics(app) == metrics(sender)
    assert "This model came with the link" in captions(app)
    assert query(app) == settings  # who opens it can send it on
    sender, app = (page.switch_page("pages/capacity.py").run() for page in (sender, app))
    assert metrics(app) == metrics(sender)
    weights = app.number_input(key="weights_gb").value
    assert weights == sender.number_input(key="weights_gb").value
    assert weights == pytest.approx(0.56, abs=0.2)  # 114 M matrices and embeddings in float32
    assert app.session_state["weight_format"] == "fp32"


def test_a_moved_slider_goes_with_the_link_and_the_windows_stay(opened, shared):
    sender, _ = shared
    sender = slider(sender, "n_kv_heads").set_value(3).run()
    app = opened("kv_cache", **query(sender))
    assert box(app) == box(sender) == "Custom, from Imported config"
    assert metrics(app) == metrics(sender)


def test_the_address_carries_the_model_until_another_is_chosen(opened, shared):
    app, settings = shared
    assert app.query_params[link_model.KEY] == settings[link_model.KEY]
    app = app.selectbox(key="model").set_value("Llama 3 8B").run()
    assert link_model.KEY not in app.query_params
    assert link_model.KEY not in query(app)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda text: None, "it carries none"),
        (lambda text: text[:-8], "its checksum does not match"),
        (lambda text: text.swapcase(), "must be whole and unchanged"),
        (lambda text: "2" + text[1:], "must have version 1 of this format: got 2"),
        (lambda text: text + "A" * MAX_TEXT, f"must have at most {MAX_TEXT} characters"),
        (lambda text: [text] * 5, "a link must carry at most 4 models: got 5"),
        (lambda text: "<script>alert(1)</script>", "must be whole and unchanged"),
    ],
)
def test_a_link_without_its_model_says_so_and_has_no_weights(opened, shared, change, reason):
    _, settings = shared
    text = change(settings.pop(link_model.KEY))
    lacking = settings if text is None else settings | {link_model.KEY: text}
    app = opened("kv_cache", **lacking)
    (sentence,) = link_errors(app)
    assert reason in sentence
    assert sentence.startswith("'Imported config' is not in the link (")
    assert sentence.endswith("numbers alone, with all layers alike and no weights")
    assert box(app) == f"Custom, from {link_model.MISSING}"
    keys = ("n_heads", "n_kv_heads", "head_dim", "n_layers")
    assert [slider(app, key).value for key in keys] == [18, 6, 72, 5]  # the link's
    assert link_model.KEY not in app.query_params
    app = app.switch_page("pages/capacity.py").run()
    assert not app.exception
    assert app.number_input(key="weights_gb").value is None


def test_a_link_that_has_its_weights_keeps_them_without_the_model(opened, shared):
    _, settings = shared
    lacking = settings | {link_model.KEY: "1.cut", "weights_gb": "12.5"}
    app = opened("capacity", **lacking)
    (sentence,) = link_errors(app)
    assert sentence.endswith("and these weights")
    assert app.number_input(key="weights_gb").value == 12.5


def test_an_opened_link_without_its_model_can_be_reset_or_reloaded(opened):
    app = opened("overview", model=f"Custom, from {link_model.MISSING}", n_heads=18)
    (sentence,) = link_errors(app)
    assert sentence.startswith("an imported model is not in the link")
    assert [name for name in app.selectbox(key="model").options if "as it is" in name] == []
    app = app.button(key="reset_button").click().run()
    assert (box(app), link_errors(app)) == ("Llama 3 8B", [])


@pytest.fixture
def two_imports(opened):
    """A page whose model is imported and compared with another import, and its link's query."""
    app = pasted(pasted(opened("kv_cache"), UNIFORM), WEIGHED)
    assert box(app) == "Imported: text 2"
    app = app.multiselect(key="compare").set_value(["Imported config"]).run()
    assert not app.exception
    return app, parse_qs(urlsplit(link(app)).query, keep_blank_values=True)


def test_two_imported_models_are_compared_and_both_are_in_the_link(opened, two_imports):
    sender, settings = two_imports
    assert "It carries 2 imported models." in captions(sender)
    assert len(settings[link_model.KEY]) == 2
    app = opened("kv_cache", **settings)
    assert link_errors(app) == []
    assert box(app) == "Imported: text 2"
    assert metrics(app) == metrics(sender)
    assert app.query_params[link_model.KEY] == settings[link_model.KEY]
    app = app.selectbox(key="model").set_value("Imported config").run()  # both stay offered
    assert slider(app, "n_layers").value == UNIFORM["num_hidden_layers"]


def test_a_compared_model_that_the_link_lacks_is_named_and_not_compared(opened, two_imports):
    sender, settings = two_imports
    own, other = settings[link_model.KEY]
    app = opened("kv_cache", **settings | {link_model.KEY: [own, other[:-8]]})
    (sentence,) = link_errors(app)
    assert sentence.startswith("'Imported config' is not in the link (a model in a link must be ")
    assert box(app) == "Imported: text 2"
    assert app.multiselect(key="compare").value == []
    assert [*metrics(app)][1:] != [*metrics(sender)][1:]


def test_of_several_files_the_first_sets_the_sliders_and_the_others_are_compared(opened):
    app = import_box(opened("capacity"))
    layers = {"c.json": 7, "a.json": 5, "b.json": 6}
    files = [(name, json.dumps(WEIGHED | with_layers(n)), "x") for name, n in layers.items()]
    uploads = [(name, text.encode(), kind) for name, text, kind in files]
    app = app.file_uploader(key="config_file").set_value(uploads).run()
    assert not app.exception
    assert (box(app), slider(app, "n_layers").value) == ("Imported: c.json", 7)
    assert app.multiselect(key="compare").value == ["Imported: a.json", "Imported: b.json"]
    assert [*metrics(app)] == ["c.json", "a.json", "b.json"]


def several_files(app, key, *files):
    """The page after an upload of files, each a name and its number of layers, None if bad."""
    texts = [json.dumps(WEIGHED | with_layers(n) if n else {}) for _, n in files]
    uploads = [(name, text.encode(), "x") for (name, _), text in zip(files, texts, strict=True)]
    app = import_box(app).file_uploader(key=key).set_value(uploads).run()
    assert not app.exception
    return app


def test_files_of_one_name_are_all_kept_and_bad_ones_are_named_beside_the_good(opened):
    app = several_files(opened("capacity"), "config_file", ("config.json", 7), ("config.json", 5))
    assert (box(app), slider(app, "n_layers").value) == ("Imported: config.json", 7)
    assert app.multiselect(key="compare").value == ["Imported: config.json (2)"]
    assert app.session_state[IMPORTS]["Imported: config.json (2)"].config.model.n_layers == 5
    assert not [*app.error, *app.info]
    files = [("<b>.json", None), ("d.json", 9), ("x.json", None), ("config.json", 4)]
    app = several_files(app, "config_file_1", *files)
    (refusal,) = [error.value.replace("\\", "") for error in app.error]
    reason = "num_hidden_layers must be given: got no such key"
    assert refusal == (
        f"b .json was refused: {reason}; x.json was refused: {reason}; "
        "read: d.json, config.json (3)."
    )
    assert (box(app), slider(app, "n_layers").value) == ("Imported: d.json", 9)
    assert app.multiselect(key="compare").value == ["Imported: config.json (3)"]
    app = several_files(app, "config_file_2", ("only.json", None))
    (refusal,) = [error.value.replace("\\", "") for error in app.error]
    assert refusal == f"only.json was refused: {reason}."
    assert box(app) == "Imported: d.json"


def test_files_beyond_what_can_be_compared_and_kept_are_counted(opened):
    files = [(f"{n}.json", n) for n in range(1, MAX_IMPORTS + 2)]
    app = several_files(opened("capacity"), "config_file", *files)
    assert box(app) == "Imported: 1.json"
    assert app.multiselect(key="compare").value == [f"Imported: {n}.json" for n in (2, 3, 4)]
    assert [info.value for info in app.info] == [
        "At most 4 models are compared: 4 more files are in the list of models alone. "
        "At most 8 imports are kept: 1 file was left out."
    ]
    assert "Imported: 8.json" in app.selectbox(key="model").options


def test_weights_of_a_published_model_are_offered_and_taken_on_request_alone(opened):
    gemma = {  # 62 layers, every sixth full, and no width of its feed-forward layers
        "model_type": "gemma3",
        "hidden_size": 5376,
        "num_hidden_layers": 62,
        "num_attention_heads": 32,
        "num_key_value_heads": 16,
        "head_dim": 128,
        "sliding_window": 1024,
    }
    app = pasted(opened("capacity"), gemma)
    assert app.number_input(key="weights_gb").value is None
    offer = app.button(key="weights_Imported config")
    assert offer.label == "Imported config: take 54.02 GB, as of Gemma 3 27B"
    app = offer.click().run()
    assert app.number_input(key="weights_gb").value == 54.02  # 27,009,002,240 x 2 B
    assert metrics(app)
    assert "those of Gemma 3 27B in the catalogue" in " ".join(code.value for code in app.code)
    app = pasted(app, gemma | {"num_hidden_layers": 61})
    assert app.number_input(key="weights_gb").value is None
    assert not [button for button in app.button if "weights_" in button.key]
    app = app.multiselect(key="compare").set_value(["Imported config"]).run()
    assert metrics(app)  # with the weights that it was given


def test_an_equal_text_keeps_its_name_and_a_session_keeps_the_newest(opened):
    app = pasted(pasted(opened("overview"), UNIFORM), UNIFORM)
    assert [*app.session_state[IMPORTS]] == ["Imported config"]
    for n_layers in range(1, MAX_IMPORTS + 2):
        app = pasted(app, UNIFORM | {"num_hidden_layers": n_layers + 10})
    names = [*app.session_state[IMPORTS]]
    assert len(names) == MAX_IMPORTS
    assert box(app) == names[-1]


def test_a_link_that_would_be_too_long_names_its_length_and_lacks_the_model(
    opened, shared, monkeypatch
):
    app, settings = shared
    monkeypatch.setattr(link_model, "MAX_LINK", 200)
    app = app.run()
    assert "a link must have at most 200 characters: got " in captions(app)
    assert "it opens the sliders' numbers alone, with all layers alike" in captions(app)
    lacking = query(app)
    assert lacking == {key: value for key, value in settings.items() if key != link_model.KEY}
    assert lacking["model"] == "Imported config"  # so that who opens it reads what is missing


def test_a_model_of_the_link_cannot_take_the_name_of_a_published_one(opened, shared):
    sender, settings = shared
    layout = sender.session_state[IMPORTS]["Imported config"].layout
    text = link_model.layout_text(link_model.SharedLayout(name="Llama 3 8B", config=layout.config))
    app = opened("kv_cache", **settings | {"model": "Llama 3 8B", link_model.KEY: text})
    assert [*app.session_state[IMPORTS]] == ["Imported: Llama 3 8B"]
    assert box(app) == "Custom, from Llama 3 8B"  # whose sliders the link moved

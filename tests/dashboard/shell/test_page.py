"""Old addresses lead on with all that a link sets."""

import pytest
from streamlit.runtime.state.query_params import QueryParams

from dashboard.shell import page


@pytest.fixture
def switched(monkeypatch):
    """The file and the query of each switch, from a link with a repeated parameter."""
    params = QueryParams()
    params.set_with_no_forward_msg("n_heads", "32")
    params.set_with_no_forward_msg("compare", ["Falcon 7B", "Llama 2 7B"])
    calls = []
    monkeypatch.setattr(page.st, "query_params", params)
    monkeypatch.setattr(
        page.st, "switch_page", lambda file, query_params: calls.append((file, query_params))
    )
    monkeypatch.setattr(page.st, "session_state", {page.HAS_NAVIGATION: True})
    return calls


LINK = {"n_heads": ["32"], "compare": ["Falcon 7B", "Llama 2 7B"]}


def test_a_typed_overview_keeps_every_value_of_a_repeated_parameter(switched):
    page._start_again()
    assert switched == [("pages/overview.py", LINK)]


def test_an_old_address_keeps_them_too_beside_its_view(switched):
    page.lead_to("decode", view="Roofline")
    assert switched == [("pages/decode.py", LINK | {"view": ["Roofline"]})]

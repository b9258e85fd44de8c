"""Names and docstrings are in the field's words: `python -m tests.words` lists what is not."""

import pytest

from tests.words import ROOT, name_fault, offences, source_files

FILES = source_files()


@pytest.mark.parametrize("path", FILES, ids=[str(path.relative_to(ROOT)) for path in FILES])
def test_names_and_docstrings_are_in_the_field_s_words(path):
    assert [str(offence) for offence in offences(path)] == []


@pytest.mark.parametrize(
    "name", ["told", "_found", "OF_DECODE", "mha_at", "how", "kept_rows", "ShippedLook"]
)
def test_a_name_of_the_dialect_is_refused(name):
    assert name_fault(name)


@pytest.mark.parametrize("name", ["kernel_asked", "created_at", "index_of_max", "test_it_is_found"])
def test_the_field_s_own_uses_pass(name):
    assert name_fault(name) is None

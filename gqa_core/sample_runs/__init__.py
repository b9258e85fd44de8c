"""Sample runs: records of a quiet machine that ship, so that no page is empty before its first run.

`python -m gqa_core sample-runs --out FILE` measures what `plan` lists. The files in this folder are
read by `reader`; a page shows them as "measured elsewhere", with the machine's name.
"""

"""Decode steps that several ranks share: parts of layers, explicit collectives, the merge."""

"""Measuring steps that ranks share: joining, watching each other, timing together."""

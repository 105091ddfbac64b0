"""Dated data that the core reads: each row with its rule id and source."""

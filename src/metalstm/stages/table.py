"""Gather the scores of many runs into one table, beside the study's published figures."""

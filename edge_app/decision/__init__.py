"""Scores become events a person can act on: rules, the alarm table, explanations."""

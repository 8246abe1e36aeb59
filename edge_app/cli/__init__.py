"""One module per verb; parsing and printing only."""

"""Pure functions of arrays: the integer front end."""

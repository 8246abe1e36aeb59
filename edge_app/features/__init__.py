"""Windows become named integers."""

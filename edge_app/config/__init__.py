"""What people write: schema, loading, errors with file, line and key."""

"""Where the parts meet and run."""

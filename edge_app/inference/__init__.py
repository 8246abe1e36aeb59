"""Named integers become a score: manifests, engines, models."""

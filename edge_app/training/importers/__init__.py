"""Public recordings, and our own, behind one protocol: what they are, what they are labelled, and their counts."""

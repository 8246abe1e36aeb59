"""Each kind of model learnt: networks, distances, forests; and what the finished model does on signals of its own."""

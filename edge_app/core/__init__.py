"""What every room shares: frames, results, stage contracts, clock, units and errors. Imports nothing of edge_app."""

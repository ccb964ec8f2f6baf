"""Numbers about a model: probes, rank, imagination, energy landscape."""

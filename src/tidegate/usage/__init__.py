"""What was carried and what it costs: contracts, samples, percentiles."""

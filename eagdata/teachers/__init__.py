"""Who proposes: models behind an endpoint, programs, recordings."""

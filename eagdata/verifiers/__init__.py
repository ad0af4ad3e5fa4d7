"""Who judges: answers, built state, and whole branches by re-execution."""

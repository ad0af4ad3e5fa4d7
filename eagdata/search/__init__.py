"""Strategies on the ask/tell contract. None of them knows of models, environments or verifiers."""

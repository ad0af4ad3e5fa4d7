"""A Hub of our own on loopback: what its real client needs to publish a dataset, and `datasets` to read it back."""

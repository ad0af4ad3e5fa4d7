"""Environments: where actions run. `python` holds the plugin; `sandbox` the isolation and the fork server under it."""

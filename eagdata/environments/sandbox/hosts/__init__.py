"""What runs inside a box on behalf of an environment whose actions are not Python: one module each, with `start(settings) -> Host`."""

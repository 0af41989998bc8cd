"""What make runs: the environment, the tests, the checks. Bootstrapping uses the standard library alone."""

"""What the tests stand on: a database per test, people, a loopback-only network."""

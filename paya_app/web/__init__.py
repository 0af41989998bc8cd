"""The web: pages with their states, the parts they are made of, and who is looking."""

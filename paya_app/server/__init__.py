"""How PaYa is served: build of the pages, launcher, socket guard, headers, supervisor."""

"""Which site serves whom: the least bill that keeps the freeze rate under its target."""

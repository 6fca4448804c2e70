"""Simulated viewers, networks and sites: an event rehearsed before it is live."""

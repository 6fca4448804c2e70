"""A player-model load generator for any server of live video."""

"""The command: what an operator types, and what it prints. Nothing else in Tidegate prints."""

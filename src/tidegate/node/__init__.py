"""What runs on this machine: started, watched, restarted, drained."""

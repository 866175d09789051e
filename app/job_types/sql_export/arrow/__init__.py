"""What runs in a process of its own because it loads Apache Arrow: workers stay light, and killing it is the cancel."""

"""What a result depends on, and whether that has changed."""

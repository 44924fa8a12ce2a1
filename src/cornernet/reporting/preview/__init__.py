"""What training will see, on one page, before anything is trained."""

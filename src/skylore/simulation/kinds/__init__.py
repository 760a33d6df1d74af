"""What each kind of object looks like before the telescope."""

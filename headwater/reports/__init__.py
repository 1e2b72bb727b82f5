"""What an agency saw itself: example calls, recordings, complaint exports; sent in by the same doors, and followed."""

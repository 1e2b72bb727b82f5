"""Programs to copy: what a user of Headwater writes around it."""

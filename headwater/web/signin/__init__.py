"""Sign-in, second factor and the person's own account, the same in all three applications."""

"""What agencies are told about campaigns that ring in their state."""

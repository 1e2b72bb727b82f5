"""Versioned messages that carriers, apps and agents exchange with us. No behaviour."""

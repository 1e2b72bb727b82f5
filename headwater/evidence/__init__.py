"""Exhibits, sealed packages, custody, and the offline verifier."""

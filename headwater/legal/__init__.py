"""Subpoena, demand, order: service, review, scope, states."""

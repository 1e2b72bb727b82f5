"""Files of calls that a carrier's people upload: received, looked at, confirmed, and sent to the call store."""

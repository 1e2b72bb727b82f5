"""What tracebacks say of a provider: its part in traced calls, four flags with their evidence, what it disputes."""

"""Which calls belong together, what they are called, whether they still ring."""

"""The public registries: who is a carrier, who holds a number, which may not call, who certifies."""

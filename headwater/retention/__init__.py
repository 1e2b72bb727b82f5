"""How long calls are kept, and what a legal hold keeps beyond it: the register of holds, and the audit of deletion."""

"""Events of blocking apps, honeypots and complaints: the neutral form, and how other formats become it."""

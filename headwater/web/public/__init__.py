"""The public pages: what anybody may read. Nobody signs in, nothing is asked, no cookie is set."""

"""Pages for people, one application an audience. They translate, never decide."""

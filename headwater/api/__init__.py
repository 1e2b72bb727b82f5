"""HTTP doors for machines: feeds, carriers. They translate, never decide."""
